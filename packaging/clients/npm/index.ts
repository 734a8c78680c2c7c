import createClient, { type Client, type ClientOptions } from "openapi-fetch";
import type { components, operations, paths } from "./schema.js";

export type { components, operations, paths };

/** What the API's document names, such as `Schemas["State"]`. */
export type Schemas = components["schemas"];

/** Where a server answers, and who asks; the rest is for openapi-fetch. */
export interface Options extends Omit<ClientOptions, "baseUrl"> {
  /** Such as `https://monitor:8080`, with its path where it is below one. */
  url: string;
  /** None where the server wants none. */
  token?: string | undefined;
}

/** A client of one server: openapi-fetch's, with the paths of the API. It asks nothing by itself. */
export function roundsman({ url, token, ...rest }: Options): Client<paths> {
  const client = createClient<paths>({ ...rest, baseUrl: url });
  if (token !== undefined) {
    client.use({
      onRequest({ request }) {
        request.headers.set("authorization", `Bearer ${token}`);
        return request;
      },
    });
  }
  return client;
}
