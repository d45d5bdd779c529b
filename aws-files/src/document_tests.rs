use super::*;

fn doubts(document: &Document<'_>) -> Vec<usize> {
    document.doubts.iter().map(|doubt| doubt.line).collect()
}

#[track_caller]
fn value<'d>(document: &'d Document<'_>, header: &str, key: &str) -> (&'d str, usize) {
    let section = document.section(header).unwrap_or_else(|| panic!("no [{header}]"));
    let entry = document.entries(section).find(|entry| entry.key == key);
    let entry = entry.unwrap_or_else(|| panic!("no {key} in {:?}", section.entries));
    (&entry.value, entry.line)
}

#[test]
fn values_keep_hashes_quotes_backslashes_and_delimiters() {
    let document = Document::read(concat!(
        "[a]\n",
        "url = https://corp.awsapps.com/start#/\n",
        "quoted = \"x y\" 'z'\n",
        "backslash = C:\\new\\\n",
        "colon: a=b ; c\n",
        "EMPTY =\n",
        "back\\= 1\n",
        "[broken = 2\n",
        "last = 3"
    ));
    assert_eq!(document.doubts, []);
    assert_eq!(value(&document, "a", "url"), ("https://corp.awsapps.com/start#/", 2));
    assert_eq!(value(&document, "a", "quoted"), ("\"x y\" 'z'", 3));
    assert_eq!(value(&document, "a", "backslash"), ("C:\\new\\", 4));
    assert_eq!(value(&document, "a", "colon"), ("a=b ; c", 5));
    assert_eq!(value(&document, "a", "empty"), ("", 6));
    assert_eq!(value(&document, "a", "back\\"), ("1", 7));
    assert_eq!(value(&document, "a", "[broken"), ("2", 8));
    assert_eq!(value(&document, "a", "last"), ("3", 9));
}

#[test]
fn an_indented_line_continues_a_value_only_below_a_key_that_is_indented_less() {
    let document = Document::read(concat!(
        "[a]\n",
        "  one = 1\n",
        "  two = 2\n",
        "  # three = 3\n",
        "sso =\n",
        "\n",
        "  endpoint_url = http://127.0.0.1\n",
        "    # comment\n",
        "  more = x\n",
        "\n",
        "next = 4\n",
        "   5\n"
    ));
    assert_eq!(document.doubts, []);
    assert_eq!(value(&document, "a", "one"), ("1", 2));
    assert_eq!(value(&document, "a", "two"), ("2", 3));
    let (group, line) = value(&document, "a", "sso");
    assert_eq!((group, line), ("\n\nendpoint_url = http://127.0.0.1\nmore = x", 5));
    assert_eq!(crate::nested(group, "more"), Some("x"));
    assert_eq!(crate::nested("more = x", "more"), None);
    assert_eq!(value(&document, "a", "next"), ("4\n5", 11));
    let extents: Vec<Range<usize>> = document.sections[0].entries.iter().map(|entry| entry.lines.clone()).collect();
    assert_eq!(extents, [1..2, 2..3, 4..9, 10..12]);
}

#[test]
fn windows_line_ends_change_nothing_and_a_byte_order_mark_is_reported() {
    let document = Document::read("\u{feff}[a]\r\nkey = 1\r\n\r\n[b]\r\nkey = 2\r\n");
    assert_eq!(doubts(&document), [1]);
    assert_eq!(value(&document, "a", "key"), ("1", 2));
    assert_eq!(value(&document, "b", "key"), ("2", 5));
    assert_eq!(document.lines.concat().len(), "\u{feff}[a]\r\nkey = 1\r\n\r\n[b]\r\nkey = 2\r\n".len());
}

#[test]
fn a_header_ends_at_the_last_bracket_of_its_line() {
    let document = Document::read("[profile Company-[production]/Role] # mine\nk = 1\n[ b ]\n[c] [d]\n");
    assert_eq!(document.doubts, []);
    let headers: Vec<&str> = document.sections.iter().map(|section| section.header).collect();
    assert_eq!(headers, ["profile Company-[production]/Role", " b ", "c] [d"]);
}

#[test]
fn every_section_inherits_the_entries_of_the_default_section() {
    let document = Document::read("[a]\nk = 1\n[DEFAULT]\nk = 2\nl = 2\n[b]\n[DEFAULT]\nm = 3\n");
    assert_eq!(document.doubts, []);
    assert_eq!(document.sections.len(), 2);
    assert_eq!(value(&document, "a", "k"), ("1", 2));
    assert_eq!(value(&document, "b", "k"), ("2", 4));
    assert_eq!(value(&document, "a", "m"), ("3", 8));
}

#[test]
fn repeated_sections_and_keys_are_merged_and_reported() {
    let document = Document::read("[a]\nk = 1\nl = 1\n[b]\n[a]\nK = 2\nm = 3\nm = 4\n");
    assert_eq!(document.sections.len(), 2);
    assert_eq!(value(&document, "a", "k"), ("2", 6));
    assert_eq!(value(&document, "a", "l"), ("1", 3));
    assert_eq!(value(&document, "a", "m"), ("4", 8));
    assert_eq!(doubts(&document), [5, 6, 8]);
    assert!(document.doubts.iter().all(|doubt| !doubt.is_ignored));
}

#[test]
fn an_unreadable_line_is_reported_and_the_rest_is_read() {
    let document =
        Document::read("early = 1\n[a]\nk = 1\ngarbage\n= 5\nl = 2\nodd =\n  x\nm = 3\n[b\nm = 4\n  5\n[c]\nm = 6\n");
    assert_eq!(value(&document, "a", "k"), ("1", 3));
    assert_eq!(value(&document, "a", "l"), ("2", 6));
    assert_eq!(value(&document, "a", "m"), ("3", 9));
    assert_eq!(value(&document, "c", "m"), ("6", 14));
    assert_eq!(doubts(&document), [1, 4, 5, 7, 10]);
    let ignored: Vec<bool> = document.doubts.iter().map(|doubt| doubt.is_ignored).collect();
    assert_eq!(ignored, [true, true, true, false, true]);
    assert!(document.doubts[0].message.ends_with("is ignored; the AWS CLI refuses the whole file"));
}

#[test]
fn lines_keep_their_line_ends() {
    assert_eq!(lines("a\r\n\nb\rc"), ["a\r\n", "\n", "b\r", "c"]);
    assert_eq!(lines(""), Vec::<&str>::new());
    assert_eq!(lines("a\n"), ["a\n"]);
}

#[test]
fn debug_does_not_show_values() {
    let document = Document::read("[a]\naws_secret_access_key = abc\n");
    assert!(!format!("{:?}", document.sections[0].entries).contains("abc"));
}
