/** The completion script for fish. */
import type { Completable, CompletableCommand, CompletableFlag } from "./completion_model.ts";

/** A script for fish 3 and later: a line for each command, flag and word. */
export function fishCompletion(commands: readonly CompletableCommand[]): string {
  const lines = commands.flatMap(({ name, summary, flags, words, rest }) => [
    `complete -c revtun -n '__revtun_at 1' -a ${name} -d ${quoted(summary)}`,
    ...flags.map((flag) => flagLine(name, flag)),
    ...(words.length > 0
      ? [
        `complete -c revtun -n '__revtun_first ${name} ${words.join(" ")}' -a '${words.join(" ")}'`,
      ]
      : []),
    ...(rest === "hosts"
      ? [`complete -c revtun -n '__revtun_no_host ${name}' -a '(__revtun_hosts)'`]
      : []),
    ...(rest === "file"
      ? [`complete -c revtun -n '__revtun_rest ${name} ${words.join(" ")}' -F`]
      : []),
  ]);
  return `# fish completion of revtun; revtun completion fish > ~/.config/fish/completions/revtun.fish
function __revtun_at -d 'Words before the one that is completed'
    test (count (commandline -opc)) -eq $argv[1]
end
function __revtun_in -d 'The command'
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]
end
function __revtun_first -d 'The command, before any of its words'
    __revtun_in $argv[1]; or return 1
    for word in (commandline -opc)[3..-1]
        contains -- $word $argv[2..-1]; and return 1
    end
    true
end
function __revtun_rest -d 'The command, after one of its words where it has some'
    __revtun_in $argv[1]; or return 1
    test (count $argv) -eq 1; or not __revtun_first $argv
end
function __revtun_hosts -d 'Hosts of the server that --admin names'
    set -l where
    for flag in --admin --admin-token-file
        set -l found (string match -r -g -- $flag'[= ]+(\\S+)' (commandline -p))
        and set -a where $flag $found
    end
    revtun completion hosts $where 2>/dev/null </dev/null
end
function __revtun_no_host -d 'The command, before its host'
    __revtun_in $argv[1]; or return 1
    not string match -qr '^[\\w.-]+/' -- (commandline -opc)[3..-1]
end
complete -c revtun -f
complete -c revtun -n '__revtun_at 1' -l help -s h -d 'Show the commands'
complete -c revtun -n '__revtun_at 1' -l version -s V -d 'Print the version'
${lines.join("\n")}
`;
}

function flagLine(command: string, { name, short, description, value }: CompletableFlag): string {
  const letter = short === undefined ? "" : ` -s ${short.slice(1)}`;
  const flag = `-l ${name.slice(2)}${letter}${valueWords(value)} -d ${quoted(description)}`;
  return `complete -c revtun -n '__revtun_in ${command}' ${flag}`;
}

function valueWords(value: Completable | undefined): string {
  switch (value) {
    case undefined:
      return "";
    case "file":
      return " -r -F";
    case "free":
      return " -x";
    default:
      return ` -x -a '${value.join(" ")}'`;
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}
