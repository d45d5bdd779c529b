# Completion of ssoctl for PowerShell, printed by: ssoctl completion powershell
Register-ArgumentCompleter -Native -CommandName ssoctl -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    # Nothing of the command line is evaluated. Each word has a character before it, as older versions leave empty arguments out.
    $words = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object {
        if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { '=' + $_.Value } else { '=' + $_.Extent.Text }
    })
    if ($words -ccontains '=--') { return }
    $ssoctl = Get-Command -CommandType Application -Name ssoctl -ErrorAction SilentlyContinue | Select-Object -First 1
    if ($null -eq $ssoctl) { return }
    & $ssoctl completion powershell '--' @words "=$wordToComplete" 2>$null | ForEach-Object {
        $value, $help = $_.Split("`t", 2)
        if ([string]::IsNullOrEmpty($help)) { $help = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $help)
    }
}
