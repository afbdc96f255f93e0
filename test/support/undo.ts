import type { UndoKeeper } from "../../src/tools/tool.js";

/** For tests of tools whose undoing is not their subject. */
export const nothingKept: UndoKeeper = { room: 0, put: () => Promise.reject(new Error("nothing is kept in this test")) };
