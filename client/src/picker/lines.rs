//! Which lines are shown, and in which order. Pure.
//!
//! A line has to match every word, in any order. Those that match best come first; among equals, the ones picked most and last, and then the
//! order in which they were given.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use crate::terminal::{Key, last_word};

/// A line to pick.
#[derive(Clone, Debug)]
pub(crate) struct Line<T> {
    /// What is picked with it.
    pub(crate) value: T,
    /// Its columns. They are matched, too.
    pub(crate) columns: Vec<String>,
    /// Its place among what was picked before, if it was: 0 is the first.
    pub(crate) place: Option<usize>,
    /// Whether it has to be confirmed. What was picked before says nothing for it.
    pub(crate) confirm: bool,
}

pub(super) struct Lines<T> {
    all: Vec<Line<T>>,
    words: String,
    /// The indices of those that match, best first.
    matching: Vec<usize>,
    /// The index in `matching`.
    selected: usize,
    matcher: Matcher,
}

impl<T: Clone + PartialEq> Lines<T> {
    pub(super) fn new(all: Vec<Line<T>>) -> Self {
        let mut lines = Self {
            all,
            words: String::new(),
            matching: Vec::new(),
            selected: 0,
            matcher: Matcher::new(Config::DEFAULT),
        };
        lines.find();
        lines
    }

    /// Takes other lines in the place of all. The selected one stays so, wherever it comes to stand: the person may be about to take it.
    pub(super) fn replace(&mut self, all: Vec<Line<T>>) {
        let before = self.selected().map(|line| line.value.clone());
        self.all = all;
        self.find();
        let is_same = |index: &usize| Some(&self.all[*index].value) == before.as_ref();
        self.selected = self.matching.iter().position(is_same).unwrap_or(0);
    }

    pub(super) fn edit(&mut self, key: Key, page: usize) {
        let last = self.matching.len().saturating_sub(1);
        match key {
            Key::Up => self.selected = self.selected.saturating_sub(1),
            Key::Down => self.selected = (self.selected + 1).min(last),
            Key::PageUp => self.selected = self.selected.saturating_sub(page),
            Key::PageDown => self.selected = (self.selected + page).min(last),
            Key::First => self.selected = 0,
            Key::Last => self.selected = last,
            Key::Character(character) => self.change_words(|words| words.push(character)),
            Key::Backspace => self.change_words(|words| {
                words.pop();
            }),
            Key::DeleteAll => self.change_words(String::clear),
            Key::DeleteWord => self.change_words(|words| words.truncate(last_word(words))),
            Key::Enter | Key::Leave => {}
        }
    }

    fn change_words(&mut self, change: impl FnOnce(&mut String)) {
        change(&mut self.words);
        self.selected = 0;
        self.find();
    }

    fn find(&mut self) {
        let pattern = Pattern::parse(&self.words, CaseMatching::Ignore, Normalization::Smart);
        let mut buffer = Vec::new();
        let mut scored: Vec<(u32, usize, usize)> = Vec::new();
        for (index, line) in self.all.iter().enumerate() {
            let text = line.columns.join(" ");
            if let Some(score) = pattern.score(Utf32Str::new(&text, &mut buffer), &mut self.matcher) {
                let place = line.place.filter(|_| !line.confirm).unwrap_or(usize::MAX);
                scored.push((score, place, index));
            }
        }
        scored
            .sort_by(|(a, place_a, at_a), (b, place_b, at_b)| b.cmp(a).then(place_a.cmp(place_b)).then(at_a.cmp(at_b)));
        self.matching = scored.into_iter().map(|(.., index)| index).collect();
    }

    pub(super) fn words(&self) -> &str {
        &self.words
    }

    /// How many match, and how many there are.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.matching.len(), self.all.len())
    }

    pub(super) fn selected(&self) -> Option<&Line<T>> {
        self.matching.get(self.selected).map(|index| &self.all[*index])
    }

    /// As many lines as there are rows, with the selected one among them, and whether a line is that one.
    pub(super) fn visible(&self, rows: usize) -> impl Iterator<Item = (&Line<T>, bool)> {
        let first = (self.selected + 1).saturating_sub(rows);
        let indices = self.matching.iter().enumerate().skip(first).take(rows);
        indices.map(|(at, index)| (&self.all[*index], at == self.selected))
    }

    /// The widths of the columns, in characters.
    pub(super) fn widths(&self) -> Vec<usize> {
        let mut widths = Vec::new();
        for line in &self.all {
            widths.resize(widths.len().max(line.columns.len()), 0);
            for (width, column) in widths.iter_mut().zip(&line.columns) {
                *width = column.chars().count().max(*width);
            }
        }
        widths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, place: Option<usize>) -> Line<String> {
        let columns = text.split('|').map(str::to_owned).collect();
        Line { value: text.to_owned(), columns, place, confirm: text.contains("prod") }
    }

    fn shown(lines: &Lines<String>) -> Vec<&str> {
        lines.visible(9).map(|(line, _)| line.value.as_str()).collect()
    }

    fn typed(lines: &mut Lines<String>, text: &str) {
        text.chars().for_each(|character| lines.edit(Key::Character(character), 9));
    }

    fn all() -> Vec<Line<String>> {
        vec![
            line("dev-read|Development|111122223333|ReadOnly", None),
            line("dev-admin|Development|111122223333|Admin", Some(2)),
            line("prod-admin|Production|444455556666|Admin", Some(0)),
            line("test|Test|777788889999|Admin", Some(1)),
        ]
    }

    #[test]
    fn words_match_in_any_order_and_parts_of_words_do() {
        for (words, expected) in [
            ("admin prod", vec!["prod-admin|Production|444455556666|Admin"]),
            ("4444 adm", vec!["prod-admin|Production|444455556666|Admin"]),
            ("dvrd", vec!["dev-read|Development|111122223333|ReadOnly"]),
            ("READ", vec!["dev-read|Development|111122223333|ReadOnly"]),
            ("nothing like this", vec![]),
        ] {
            let mut lines = Lines::new(all());
            typed(&mut lines, words);
            assert_eq!(shown(&lines), expected, "{words}");
        }
    }

    #[test]
    fn what_was_picked_comes_first_among_equals_unless_it_has_to_be_confirmed() {
        let lines = Lines::new(all());
        let names: Vec<&str> = shown(&lines).iter().map(|text| text.split('|').next().unwrap()).collect();
        assert_eq!(names, ["test", "dev-admin", "dev-read", "prod-admin"]);
        let mut lines = Lines::new(all());
        typed(&mut lines, "admin");
        assert!(
            shown(&lines)[0].starts_with("test") || shown(&lines)[0].starts_with("dev-admin"),
            "{:?}",
            shown(&lines)
        );
    }

    #[test]
    fn a_word_can_be_taken_back_and_the_selection_moves_within_the_lines() {
        let mut lines = Lines::new(all());
        typed(&mut lines, "admin prod");
        lines.edit(Key::DeleteWord, 9);
        assert_eq!((lines.words(), lines.counts()), ("admin ", (3, 4)));
        for key in [Key::Down; 3] {
            lines.edit(key, 9);
        }
        assert!(lines.visible(2).last().is_some_and(
            |(line, is_selected)| is_selected && Some(&line.value) == lines.selected().map(|line| &line.value)
        ));
        lines.edit(Key::Up, 9);
        lines.edit(Key::DeleteAll, 9);
        assert_eq!((lines.counts(), lines.visible(9).filter(|(_, is_selected)| *is_selected).count()), ((4, 4), 1));
        lines.edit(Key::PageDown, 2);
        assert_eq!(lines.selected().map(|line| line.value.as_str()), Some(all()[0].value.as_str()));
        lines.edit(Key::Last, 9);
        lines.edit(Key::Backspace, 9);
        assert_eq!(lines.words(), "");
    }

    #[test]
    fn new_lines_leave_the_selection_at_the_line_that_the_person_sees() {
        let mut lines = Lines::new(all());
        assert!(lines.selected().is_some_and(|line| line.value.starts_with("test")));
        let mut more = all();
        more.push(line("first|First|999999999999|Admin", Some(0)));
        lines.replace(more);
        assert!(shown(&lines)[0].starts_with("first"), "{:?}", shown(&lines));
        assert!(lines.selected().is_some_and(|line| line.value.starts_with("test")));
        typed(&mut lines, "9999");
        assert!(lines.selected().is_some_and(|line| line.value.starts_with("first")), "what is typed selects anew");

        let mut lines = Lines::new(all());
        lines.edit(Key::Down, 9);
        let before = lines.selected().map(|line| line.value.clone());
        let mut more = all();
        more.insert(0, line("new|New|000000000000|Admin", Some(0)));
        lines.replace(more);
        assert_eq!(lines.selected().map(|line| line.value.clone()), before);
        lines.replace(Vec::new());
        assert!(lines.selected().is_none() && lines.visible(9).next().is_none());
    }
}
