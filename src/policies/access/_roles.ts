/** The roles that may, for a reason. */
export function listOf(roles: readonly string[]): string {
  return roles.length === 0 ? "the list is empty, so nobody is" : `allowed: ${roles.join(", ")}`;
}

/** A role that is not in the list, whatever the list. */
export function unlistedRole(roles: readonly string[]): string {
  let role = "nobody";
  while (roles.includes(role)) role += "-else";
  return role;
}
