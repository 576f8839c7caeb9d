// Starts GraphiQL against the page's own address.
"use strict";
const EXAMPLE = `# Ctrl-Enter runs the operation at the cursor,
# Ctrl-Space completes.
query Newest {
  users(first: 10, sort: CREATED_AT_DESC) {
    nodes { id userName firstName lastName version }
    pageInfo { hasNextPage endCursor }
  }
}

mutation Create {
  createUser(
    idempotencyKey: "once"
    input: {
      userName: "ada"
      firstName: "Ada"
      lastName: "Lovelace"
      password: "correct horse battery staple"
    }
  ) {
    user { id version }
  }
}
`;
const root = ReactDOM.createRoot(document.getElementById("graphiql"));
const fetcher = GraphiQL.createFetcher({ url: location.pathname });
root.render(
  React.createElement(GraphiQL, { fetcher, defaultQuery: EXAMPLE, shouldPersistHeaders: false, isHeadersEditorEnabled: true }),
);
