import { render } from "preact";

import { takeKey } from "./api.js";
import { App } from "./app.js";
import { Store } from "./store.js";

const root = document.querySelector("#app");
if (root !== null) {
  takeKey();
  const store = new Store();
  render(<App store={store} />, root);
  store.start();
}
