// POST /oauth/token: an access token for an hour, by OAuth 2 client credentials (RFC 6749, section 4.4).

import formBody from '@fastify/formbody';
import OAuth2Server from '@node-oauth/oauth2-server';
import type { FastifyInstance } from 'fastify';
import type { App } from '../app.ts';
import type { Scope } from '../domain/access.ts';

type Client = NonNullable<Awaited<ReturnType<App['findClient']>>>;
type OauthClient = OAuth2Server.Client & { readonly client: Client };

export const TOKEN_PATH = '/oauth/token';

export async function routeOauth(host: FastifyInstance, app: App): Promise<void> {
  const oauth = new OAuth2Server({ model: modelOf(app), accessTokenLifetime: app.tokenLifeMs / 1000 });
  await host.register(async (server) => {
    await server.register(formBody);
    server.post(TOKEN_PATH, async ({ headers, method, query, body }, reply) => {
      const request = new OAuth2Server.Request({
        headers: headers as Record<string, string>,
        method,
        query: query as Record<string, string>,
        body,
      });
      const response = new OAuth2Server.Response({});
      // The library puts what it throws into the response, as the standard wants it told; the rest is ours.
      await oauth.token(request, response).catch((error: unknown) => {
        if (!(error instanceof OAuth2Server.OAuthError) || error.code >= 500) throw error;
      });
      return reply
        .code(response.status ?? 200)
        .headers(response.headers ?? {})
        .header('cache-control', 'no-store')
        .send(response.body);
    });
  });
}

function modelOf(app: App): OAuth2Server.ClientCredentialsModel {
  return {
    getClient: async (clientId: string, clientSecret: string): Promise<OauthClient | false> => {
      const client = await app.findClient(clientId, clientSecret ?? '');
      return client ? { id: clientId, grants: ['client_credentials'], client } : false;
    },
    getUserFromClient: async (client) => ({ merchantId: clientOf(client).merchantId }),
    validateScope: async (_, client, asked) => {
      const granted = app.grantScopes(clientOf(client), asked ?? null);
      return granted ? [...granted] : false;
    },
    generateAccessToken: (client, _, scopes) => app.issueAccessToken(clientOf(client), scopes as Scope[]),
    // Nothing is saved: a token carries what it says, under our signature.
    saveToken: async (token, client, user) => ({ ...token, client, user }),
    getAccessToken: async () => false,
  };
}

function clientOf(client: OAuth2Server.Client): Client {
  return (client as OauthClient).client;
}
