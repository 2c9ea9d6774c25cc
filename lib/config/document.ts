/** YAML and JSON text to plain values, with the place of each of them: the only file that parses. */
import { Composer, isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, Parser } from "yaml";
import type { CST, Document, Node, YAMLError } from "yaml";
import { Breather } from "../breather.ts";

/** Steps from the top of a document to a value: keys and indexes. */
export type Path = readonly (string | number)[];

/** A place in a text, both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Something that is wrong with a document. */
export interface SyntaxProblem extends Position {
  readonly message: string;
}

/** A document as far as it could be read. */
export interface ConfigDocument {
  /** Objects, arrays, texts, numbers, booleans, null; undefined where `problems` has the reason. */
  readonly value: unknown;
  readonly problems: readonly SyntaxProblem[];
  /**
   * Where a value stands, or the key before it; the nearest that is there for a path that leads
   * nowhere.
   */
  positionOf(path: Path, part: "key" | "value"): Position;
}

/** Values that a document may have once its aliases are replaced: far beyond any real one. */
const MAX_VALUES = 200_000;
const MAX_DEPTH = 64;
/** One mistake makes a parser stumble many times: only the first ones are worth reading. */
const MAX_SYNTAX_PROBLEMS = 10;
const TOO_DEEP = `is nested more than ${MAX_DEPTH} levels deep`;

/** The parser's words, and ours where those need a YAML specification to be understood. */
const MESSAGES: readonly (readonly [RegExp, string])[] = [
  [/^Tabs are not allowed as indentation/, "a tab indents this line, use spaces"],
  [/^Flow (sequence|map) in block collection/, "a list or group in brackets is not closed before"],
  [/^Nested mappings are not allowed/, "has a colon in its value, put the value in quotes"],
  [/^Missing , between flow/, "a comma is missing before this"],
  [/^Missing closing ["']?(double|single)?/, "a quote before this is not closed"],
  [/^Unresolved tag/, "has a tag (!), which means nothing here"],
];

/** Reads one document. Never throws: what is wrong stands in `problems`. */
export function readDocument(text: string): ConfigDocument {
  return within(() => {
    const tokens = new Tokens();
    for (const lexeme of new Lexer().lex(text)) tokens.push(lexeme);
    return compose(text, tokens);
  });
}

/**
 * As {@link readDocument}, where others wait meanwhile: most of the work is done a few milliseconds
 * at a time.
 */
export async function readDocumentByParts(text: string): Promise<ConfigDocument> {
  const breather = new Breather();
  const tokens = new Tokens();
  const lexemes = new Lexer().lex(text);
  const push = () => {
    // A loop that is left would end the generator.
    for (;;) {
      const { value, done } = lexemes.next();
      if (done) return true;
      tokens.push(value);
      if (breather.isDue) return false;
    }
  };
  try {
    while (!push()) await breather.breathe();
  } catch (error) {
    return within(() => {
      throw error;
    });
  }
  return within(() => compose(text, tokens));
}

/** The parser recurses: nesting that no stack holds is no settings file. */
function within(read: () => ConfigDocument): ConfigDocument {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return broken({ line: 1, column: 1, message: TOO_DEEP });
  }
}

/** The first half of parsing: lexemes to tokens, each a whole document or what is around them. */
class Tokens {
  readonly lines: LineCounter = new LineCounter();
  readonly #list: CST.Token[] = [];
  readonly #parser = new Parser(this.lines.addNewLine);

  constructor() {
    this.lines.addNewLine(0);
  }

  push(lexeme: string): void {
    this.#list.push(...this.#parser.next(lexeme));
  }

  end(): readonly CST.Token[] {
    this.#list.push(...this.#parser.end());
    return this.#list;
  }
}

/** The second half: tokens to nodes, and those to values. */
function compose(text: string, tokens: Tokens): ConfigDocument {
  const { lines } = tokens;
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const composer = new Composer({ lineCounter: lines, prettyErrors: false, version: "1.2" });
  // There is one even of an empty text.
  const [document, second] = composer.compose(tokens.end(), true, text.length) as Iterable<
    Document.Parsed
  >;
  const problems = syntaxProblems([...document!.errors, ...document!.warnings], text, at);
  if (second !== undefined) {
    const message = "a second document starts here, expected one";
    problems.push({ ...at(second.range[0]), message });
  }
  if (problems.length > 0) return broken(...problems);
  const reader = new NodeReader(at);
  const contents = document!.contents;
  const value = contents === null ? null : reader.read(contents, 0);
  return {
    value: reader.problems.length > 0 ? undefined : value,
    problems: reader.problems,
    positionOf: (path, part) => at(reader.offsetOf(contents, path, part)),
  };
}

/** Nodes to plain values, every alias replaced by what it stands for, within bounds. */
class NodeReader {
  readonly problems: SyntaxProblem[] = [];
  readonly #at: (offset: number) => Position;
  readonly #anchors = new Map<string, Node>();
  /** Nodes that are being read: an alias to one of them would never end. */
  readonly #open = new Set<Node>();
  #count = 0;
  /** The outermost alias that is being replaced. */
  #alias: Node | undefined;

  constructor(at: (offset: number) => Position) {
    this.#at = at;
  }

  read(node: Node, depth: number): unknown {
    if (this.problems.length > 0) return undefined;
    if (++this.#count > MAX_VALUES) {
      return this.#fail(node, `has more than ${MAX_VALUES} values once its aliases are replaced`);
    }
    if (depth > MAX_DEPTH) return this.#fail(node, TOO_DEEP);
    if (isAlias(node)) {
      const meant = this.#anchors.get(node.source);
      if (meant === undefined) return this.#fail(node, `*${node.source} stands for nothing`);
      if (this.#open.has(meant)) return this.#fail(node, `*${node.source} contains itself`);
      const outer = this.#alias;
      this.#alias ??= node;
      const value = this.read(meant, depth);
      this.#alias = outer;
      return value;
    }
    const { anchor } = node as { anchor?: string };
    if (anchor !== undefined) this.#anchors.set(anchor, node);
    if (isScalar(node)) return node.value;
    this.#open.add(node);
    try {
      if (isSeq(node)) return node.items.map((item) => this.read(item as Node, depth + 1));
      return isMap(node) ? this.#readMap(node.items, depth) : null;
    } finally {
      this.#open.delete(node);
    }
  }

  #readMap(items: readonly { key: unknown; value: unknown }[], depth: number): unknown {
    const object: Record<string, unknown> = {};
    for (const { key, value } of items) {
      const name = isScalar(key) ? String(key.value) : undefined;
      if (name === undefined || name === "__proto__") {
        return this.#fail(key as Node, "is not a key, expected a name");
      }
      object[name] = value === null ? null : this.read(value as Node, depth + 1);
    }
    return object;
  }

  offsetOf(root: Node | null, path: Path, part: "key" | "value"): number {
    let node = root;
    let offset = root?.range?.[0] ?? 0;
    for (const [index, step] of path.entries()) {
      if (isAlias(node)) node = this.#anchors.get(node.source) ?? null;
      const isLast = index === path.length - 1;
      if (isMap(node)) {
        const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === step);
        if (pair === undefined) return offset;
        const keyOffset = (pair.key as Node).range?.[0] ?? offset;
        node = pair.value as Node | null;
        // A value that is not there is looked for where its key is.
        offset = isLast && part === "key" ? keyOffset : node?.range?.[0] ?? keyOffset;
        if (isScalar(node) && node.value === null) offset = keyOffset;
      } else if (isSeq(node)) {
        const item = node.items[Number(step)] as Node | undefined;
        if (item === undefined) return offset;
        node = item;
        offset = item.range?.[0] ?? offset;
      } else {
        return offset;
      }
    }
    return offset;
  }

  #fail(node: Node, message: string): undefined {
    if (this.problems.length === 0) {
      this.problems.push({ ...this.#at((this.#alias ?? node).range?.[0] ?? 0), message });
    }
    return undefined;
  }
}

function broken(...problems: SyntaxProblem[]): ConfigDocument {
  return { value: undefined, problems, positionOf: () => problems[0] ?? { line: 1, column: 1 } };
}

/** The first problem of each line. */
function syntaxProblems(
  errors: readonly YAMLError[],
  text: string,
  at: (offset: number) => Position,
): SyntaxProblem[] {
  const byLine = new Map<number, SyntaxProblem>();
  for (const error of errors) {
    const position = at(error.pos[0]);
    // The parser recurses, and says so when it cannot any more.
    if (/call stack/.test(error.message)) return [{ ...position, message: TOO_DEEP }];
    if (byLine.has(position.line)) continue;
    byLine.set(position.line, { ...position, message: messageOf(error, text) });
  }
  return [...byLine.values()].slice(0, MAX_SYNTAX_PROBLEMS);
}

function messageOf(error: YAMLError, text: string): string {
  if (error.code === "DUPLICATE_KEY") {
    const [key = ""] = /^"?[^\s":]*/.exec(text.slice(error.pos[0])) ?? [];
    return `${key.replace(/^"/, "")} is given twice`;
  }
  const own = MESSAGES.find(([pattern]) => pattern.test(error.message));
  return own?.[1] ?? lowerFirst(error.message.split("\n")[0] ?? "");
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1).replace(/\.$/, "");
}
