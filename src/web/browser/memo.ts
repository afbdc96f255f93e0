import type { ComponentChild, FunctionComponent } from "preact";
import { Component, createElement } from "preact";

/** Renders again only when a property is another one. */
export function memo<Props extends object>(render: FunctionComponent<Props>): FunctionComponent<Props> {
  class Memo extends Component<Props> {
    override shouldComponentUpdate(next: Readonly<Props>): boolean {
      const names = Object.keys(next) as (keyof Props)[];
      return names.some((name) => next[name] !== this.props[name]);
    }

    override render(): ComponentChild {
      return createElement(render, this.props as Props);
    }
  }
  return (props) => createElement(Memo, props);
}
