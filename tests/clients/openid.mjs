// openid-client as a program uses it: discovery, a token, two calls, revocation, a call with the dead token.
// Reads {issuer, api, id, secret, way} from standard input; prints what happened as JSON, never a secret or token.

import { text } from "node:stream/consumers";

import * as openid from "openid-client";

const { issuer, api, id, secret, way } = JSON.parse(await text(process.stdin));

const config = await openid.discovery(new URL(issuer), id, undefined, openid[way](secret), {
  execute: [openid.allowInsecureRequests], // the test server speaks plain http
});

async function seen() {
  const { access_token: token } = await openid.clientCredentialsGrant(config);
  const get = (path) => openid.fetchProtectedResource(config, token, new URL(`${api}/${path}`), "GET");
  const me = await (await get("me")).json();
  const plants = await (await get("administration/plants")).json();
  await openid.tokenRevocation(config, token);
  const dead = await get("me").catch(refusal);
  return { me, plants, dead };
}

async function refusal(error) {
  const { scheme, parameters } = error.cause?.[0] ?? {};
  const body = await error.response?.json();
  return { name: error.constructor.name, status: error.status, scheme, challenge: parameters?.error, error: body?.error };
}

console.log(JSON.stringify(await seen().catch(async (error) => ({ refused: await refusal(error) }))));
