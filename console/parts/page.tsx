/** A view's frame: its title, which has the focus after a way here, and what belongs beside it. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { route } from "../lib/route.ts";

/** The way that was shown first gets no focus: the page begins at its top. */
let isFirst = true;

interface Props {
  readonly title: string;
  /** In the place of the title, where it is more than a text. */
  readonly heading?: ComponentChildren;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Page(props: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  const way = route.value.join("/");
  useEffect(() => {
    document.title = `${props.title} · revtun`;
    if (isFirst) isFirst = false;
    else heading.current?.focus();
  }, [way]);
  return (
    <>
      <div class="page-head">
        <h1 ref={heading} tabIndex={-1}>{props.heading ?? props.title}</h1>
        {props.aside}
      </div>
      {props.children}
    </>
  );
}
