import type { WebModule } from "../server.js";

/**
 * On another server of this program, the way to the approval pages: passkeys are bound to the port on which those are, so
 * that they can be shown there only.
 */
export function wayToApprovals(origin: string): WebModule {
  return {
    base: "/approvals",
    access: "own",
    routes(app) {
      app.get("/", (c) => c.redirect(`${origin}/approvals`, 302));
      app.get("/:id{[0-9a-f]{8,32}}", (c) => c.redirect(`${origin}/approvals/${c.req.param("id")}`, 302));
    },
  };
}
