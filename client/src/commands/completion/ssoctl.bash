# Completion of ssoctl for bash, printed by: ssoctl completion bash
_ssoctl() {
    COMPREPLY=()
    local index line
    for ((index = 1; index < COMP_CWORD; index++)); do
        [[ ${COMP_WORDS[index]} == -- ]] || continue
        # Another command follows. bash-completion has the function that completes it.
        if declare -F _command_offset >/dev/null; then
            _command_offset $((index + 1))
        elif ((index + 1 == COMP_CWORD)); then
            while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -c -- "$2")
        else
            compopt -o bashdefault -o default 2>/dev/null
        fi
        return
    done
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <(command ssoctl completion bash -- "${COMP_LINE:0:COMP_POINT}" "$2" "$COMP_TYPE" 2>/dev/null)
    # Within a directory the word goes on.
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o nosort -F _ssoctl ssoctl 2>/dev/null || complete -F _ssoctl ssoctl
