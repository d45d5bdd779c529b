# Completion of ssoctl for fish, printed by: ssoctl completion fish
function __ssoctl_complete
    set -l words (commandline -opc)
    set -l index (contains -i -- -- $words)
    if test -n "$index"
        # Another command follows.
        set -e words[1..$index]
        complete -C (string join ' ' -- (string escape -- $words) (commandline -ct))
        return
    end
    command ssoctl completion fish -- $words (commandline -ct) 2>/dev/null
end
complete -c ssoctl -f -a '(__ssoctl_complete)'
