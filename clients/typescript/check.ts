// Compiled, and never run, by scripts/client-check: the types say what the API says.
import type { components, operations } from "./roster";

type User = components["schemas"]["User"];
type Created = operations["create_user"]["responses"][201]["content"]["application/json"];

export const user: User = {
  id: "01980000-0000-7000-8000-000000000001",
  userName: "ada",
  firstName: "Ada",
  lastName: "Lovelace",
  avatar: null,
  version: 1,
  createdAt: "2026-11-22T07:00:00.000Z",
  updatedAt: "2026-11-22T07:00:00.000Z",
};
export const created: Created = user;

// @ts-expect-error No answer shows a password.
export const secret: string = user.password;

export const patch: components["schemas"]["ProfilePatch"] = { lastName: "King" };

// @ts-expect-error Only the directory sets a version.
export const wrong: components["schemas"]["ProfilePatch"] = { version: 2 };
