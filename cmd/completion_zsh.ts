/** The completion script for zsh. */
import type { Completable, CompletableCommand, CompletableFlag } from "./completion_model.ts";

/** A script that may be sourced, or be the file `_revtun` in a folder of `$fpath`. */
export function zshCompletion(commands: readonly CompletableCommand[]): string {
  return `#compdef revtun
# zsh completion of revtun; revtun completion zsh > a folder of $fpath/_revtun
_revtun_hosts() {
  local flag
  local -a where hosts
  for flag in --admin --admin-token-file; do
    [[ $BUFFER =~ "\${flag}[= ]+([^ ]+)" ]] && where+=($flag $match[1])
  done
  hosts=(\${(f)"$(command revtun completion hosts $where 2>/dev/null </dev/null)"})
  compadd -a hosts
}
_revtun() {
  local curcontext=$curcontext state line
  local -a commands
  commands=(
${commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`).join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe -t commands command commands
    compadd -- --help --version
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
${commands.map(commandCase).join("\n")}
  esac
}
if [ "$funcstack[1]" = _revtun ]; then
  _revtun "$@"
else
  compdef _revtun revtun
fi
`;
}

function commandCase({ name, flags, words, rest }: CompletableCommand): string {
  const specs = [
    ...flags.flatMap(flagSpecs),
    ...(words.length > 0 ? [`1:argument:(${words.join(" ")})`] : []),
    ...(rest === "hosts"
      ? ["1:host:_revtun_hosts", "*:argument: "]
      : [`*:argument:${action(rest)}`]),
  ];
  const lines = specs.map((spec) => ` \\\n        ${quoted(spec)}`).join("");
  return `    ${name})\n      _arguments${lines}\n      ;;`;
}

/** `_arguments` takes "--flag=[what it does]:VALUE:(one two)"; "*" lets it stand again. */
function flagSpecs({ name, short, description, value, placeholder }: CompletableFlag): string[] {
  const text = `[${description.replaceAll(/[\\[\]:]/g, "\\$&")}]`;
  return [name, ...(short === undefined ? [] : [short])].map((flag) =>
    value === undefined
      ? `${flag}${text}`
      : `*${flag}${flag.startsWith("--") ? "=" : "+"}${text}:${
        placeholder.replaceAll(/[\\:]/g, "\\$&")
      }:${action(value)}`
  );
}

function action(value: Completable): string {
  switch (value) {
    case "file":
      return "_files";
    case "free":
      return " ";
    default:
      return `(${value.join(" ")})`;
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
