/** The completion script for bash. */
import type { CompletableCommand, CompletableFlag } from "./completion_model.ts";

/**
 * A script for bash 4 and later, with or without the package bash-completion. bash takes `=` for
 * the end of a word, so that `--mode=r` comes as three of them.
 */
export function bashCompletion(commands: readonly CompletableCommand[]): string {
  return `# bash completion of revtun; revtun completion bash > /etc/bash_completion.d/revtun
_revtun_hosts() {
  local flag pattern
  local -a where=()
  for flag in --admin --admin-token-file; do
    pattern="\${flag}[= ]+([^ ]+)"
    [[ "$COMP_LINE" =~ $pattern ]] && where+=("$flag" "\${BASH_REMATCH[1]}")
  done
  "\${COMP_WORDS[0]}" completion hosts "\${where[@]}" 2>/dev/null </dev/null
}
_revtun() {
  local cur=\${COMP_WORDS[COMP_CWORD]} flag=\${COMP_WORDS[COMP_CWORD - 1]} command=\${COMP_WORDS[1]}
  local flags="" words="" rest=free word
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names(commands)} --help --version" -- "$cur"))
    return
  fi
  if [ "$cur" = = ]; then
    cur=""
  elif [ "$flag" = = ]; then
    flag=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  case "$command $flag" in
${commands.flatMap(({ name, flags }) => flags.flatMap((flag) => valueCase(name, flag))).join("\n")}
  esac
  case "$command" in
${commands.map(commandCase).join("\n")}
    *) return ;;
  esac
  if [[ "$cur" == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
    return
  fi
  for word in "\${COMP_WORDS[@]:2:COMP_CWORD-2}"; do
    [[ " $words " == *" $word "* ]] && words=""
    [[ "$rest" == hosts && "$word" =~ ^[A-Za-z0-9._-]+/ ]] && rest=free
  done
  if [ -n "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  elif [ "$rest" = file ]; then
    compopt -o default
  elif [ "$rest" = hosts ]; then
    COMPREPLY=($(compgen -W "$(_revtun_hosts)" -- "$cur"))
  fi
}
complete -F _revtun revtun
`;
}

function valueCase(command: string, { name, short, value }: CompletableFlag): string[] {
  if (value === undefined) return [];
  const pattern = [name, ...(short === undefined ? [] : [short])]
    .map((flag) => `"${command} ${flag}"`).join(" | ");
  switch (value) {
    case "file":
      return [`    ${pattern}) compopt -o default; return ;;`];
    case "free":
      return [`    ${pattern}) return ;;`];
    default:
      return [
        `    ${pattern}) COMPREPLY=($(compgen -W "${value.join(" ")}" -- "$cur")); return ;;`,
      ];
  }
}

function commandCase({ name, flags, words, rest }: CompletableCommand): string {
  const set = [
    `flags="${names(flags)}"`,
    ...(words.length > 0 ? [`words="${words.join(" ")}"`] : []),
    ...(rest === "free" ? [] : [`rest=${rest}`]),
  ];
  return `    ${name}) ${set.join(" ")} ;;`;
}

function names(of: readonly { readonly name: string }[]): string {
  return of.map(({ name }) => name).join(" ");
}
