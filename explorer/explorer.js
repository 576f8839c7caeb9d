// Shows the description of this very server, and tries its operations.
"use strict";

// The viewer's own name for the dark.
const dark = matchMedia("(prefers-color-scheme: dark)");
const dress = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", dress);
dress();

window.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#explorer",
  deepLinking: true,
  displayOperationId: true,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  // A token given by "Authorize" stays in this page, and goes with it.
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
  // Whatever the query of this page says, it shows no other server's description.
  queryConfigEnabled: false,
});
