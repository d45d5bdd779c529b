#compdef ssoctl
# Completion of ssoctl for zsh, printed by: ssoctl completion zsh
_ssoctl() {
    local -a lines values shown
    local line value index=${words[(ie)--]}
    # Another command follows.
    if ((index < CURRENT)); then
        shift $index words
        ((CURRENT -= index))
        _normal
        return
    fi
    lines=("${(@f)$(command ssoctl completion zsh -- "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    for line in $lines; do
        value=${line%%$'\t'*}
        values+=("$value")
        if [[ $line == *$'\t'* ]]; then
            shown+=("${(r:24:)value} ${${#value}:#<0-24>}-- ${line#*$'\t'}")
        else
            shown+=("$value")
        fi
    done
    ((${#values})) || return 1
    # They fit already, also where they do not begin with what is typed: the name of an account becomes its id.
    if ((${#values} == 1)) && [[ $values[1] == */ ]]; then
        compadd -U -S '' -d shown -a values
    else
        compadd -U -l -d shown -a values
    fi
}
if [[ $funcstack[1] == _ssoctl ]]; then
    _ssoctl "$@"
else
    compdef _ssoctl ssoctl
fi
