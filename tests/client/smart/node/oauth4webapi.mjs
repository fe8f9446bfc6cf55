// oauth4webapi as relying party: discovery, PKCE, iss (RFC 9207), DPoP (RFC 9449), id_token, userinfo, refresh,
// revocation. What the user's browser does is done by who started this: it is given the URL and writes back the answer.
import { createInterface } from "node:readline/promises"
import assert from "node:assert/strict"
import * as oauth from "../../npm/node_modules/oauth4webapi/build/index.js"

const [issuer, base, id, redirect, child] = process.argv.slice(2)
const insecure = { [oauth.allowInsecureRequests]: true }
const lines = createInterface({ input: process.stdin })

const found = await oauth.discoveryRequest(new URL(issuer), insecure)
const server = await oauth.processDiscoveryResponse(new URL(issuer), found)
const client = { client_id: id, token_endpoint_auth_method: "none" }
const none = oauth.None()

const verifier = oauth.generateRandomCodeVerifier()
const state = oauth.generateRandomState()
const nonce = oauth.generateRandomNonce()
const url = new URL(server.authorization_endpoint)
for (const [name, value] of Object.entries({
  client_id: id,
  redirect_uri: redirect,
  response_type: "code",
  scope: "openid fhirUser launch/patient patient/*.rs offline_access",
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
  aud: base,
  state,
  nonce,
})) url.searchParams.set(name, value)
console.log(url.href)

const answer = new URL((await lines[Symbol.asyncIterator]().next()).value)
const given = oauth.validateAuthResponse(server, client, answer, state)

const DPoP = oauth.DPoP(client, await oauth.generateKeyPair("ES256"))
const traded = await oauth.authorizationCodeGrantRequest(
  server, client, none, given, redirect, verifier, { ...insecure, DPoP })
const tokens = await oauth.processAuthorizationCodeResponse(server, client, traded, {
  expectedNonce: nonce, requireIdToken: true })
assert.equal(tokens.token_type, "dpop")
assert.equal(tokens.patient, child)
const claims = oauth.getValidatedIdTokenClaims(tokens)
await oauth.validateApplicationLevelSignature(server, traded, insecure)

const user = await oauth.userInfoRequest(server, client, tokens.access_token, { ...insecure, DPoP })
const told = await oauth.processUserInfoResponse(server, client, claims.sub, user)
assert.equal(told.sub, claims.sub)

const read = async (token) => {
  const options = { ...insecure, DPoP }
  return await oauth.protectedResourceRequest(token, "GET", new URL(`${base}/Patient/${child}`), new Headers(), null, options)
}
assert.equal((await (await read(tokens.access_token)).json()).id, child)

const renewed = await oauth.processRefreshTokenResponse(server, client, await oauth.refreshTokenGrantRequest(
  server, client, none, tokens.refresh_token, { ...insecure, DPoP }))
assert.notEqual(renewed.refresh_token, tokens.refresh_token)
assert.equal((await read(renewed.access_token)).status, 200)

await oauth.processRevocationResponse(await oauth.revocationRequest(
  server, client, none, renewed.refresh_token, insecure))
await assert.rejects(read(renewed.access_token), (error) => error.status === 401)
console.log("done")
process.exit(0)
