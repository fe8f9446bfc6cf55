// What users of fhir-kit-client do, by its own calls; ends with an error at the first thing that is not so.
import assert from 'node:assert/strict';
import { Client } from 'fhir-kit-client';

const [baseUrl, bearerToken, family] = process.argv.slice(2);
const client = new Client({ baseUrl, bearerToken });
const status = (answer) => Client.httpFor(answer).response.status;
const headers = (answer) => Client.httpFor(answer).response.headers;
const refusal = async (asked, expected) => {
  const error = await asked.then(() => assert.fail('It was not refused.'), (refused) => refused);
  assert.equal(error.response?.status, expected, error.message);
  return error.response.data;
};

const statement = await client.capabilityStatement();
assert.equal(statement.fhirVersion, '4.0.1');

// create, read, vread
const body = { resourceType: 'Patient', name: [{ family, given: ['Ada'] }], gender: 'female' };
const made = await client.create({ resourceType: 'Patient', body });
assert.equal(status(made), 201);
assert.ok(headers(made).get('location').startsWith(`${baseUrl}/Patient/${made.id}/_history/1`));
const resourceType = 'Patient';
const { id } = made;
assert.deepEqual(await client.read({ resourceType, id }), made);
assert.deepEqual(await client.vread({ resourceType, id, version: '1' }), made);

// update with an ETag
const changed = await client.update({
  resourceType, id, body: { ...made, gender: 'male' }, options: { headers: { 'If-Match': 'W/"1"' } },
});
assert.equal(changed.meta.versionId, '2');
const outcome = await refusal(client.update({
  resourceType, id, body: { ...made, gender: 'other' }, options: { headers: { 'If-Match': 'W/"1"' } },
}), 412);
assert.equal(outcome.resourceType, 'OperationOutcome');

// patch
const jsonPatch = [{ op: 'replace', path: '/gender', value: 'other' }];
assert.equal((await client.patch({ resourceType, id, jsonPatch })).gender, 'other');

// history: of one, of a type, of all
const versions = await client.resourceHistory({ resourceType, id });
assert.deepEqual(versions.entry.map((entry) => entry.resource.meta.versionId), ['3', '2', '1']);
assert.equal((await client.typeHistory({ resourceType })).type, 'history');
assert.equal((await client.systemHistory()).type, 'history');

// search with paging, both ways
for (const given of ['B', 'C', 'D', 'E']) {
  await client.create({ resourceType, body: { resourceType, name: [{ family, given: [given] }] } });
}
const searchParams = { family, _sort: 'given', _count: 2 };
const given = (page) => page.entry.map((entry) => entry.resource.name[0].given[0]);
const pages = [await client.resourceSearch({ resourceType, searchParams })];
while (pages.at(-1).link.some((link) => link.relation === 'next')) {
  pages.push(await client.nextPage({ bundle: pages.at(-1) }));
}
assert.deepEqual(pages.map(given), [['Ada', 'B'], ['C', 'D'], ['E']]);
const back = await client.prevPage({ bundle: pages[1] });
assert.deepEqual(given(back), ['Ada', 'B']);
const posted = await client.resourceSearch({ resourceType, searchParams, options: { postSearch: true } });
assert.deepEqual(given(posted), ['Ada', 'B']);

// a compartment, and everything
await client.create({
  resourceType: 'Observation',
  body: { resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject: { reference: `Patient/${id}` } },
});
const within = await client.compartmentSearch({ resourceType: 'Observation', compartment: { resourceType, id } });
assert.equal(within.entry.length, 1);
const everything = await client.operation({ name: 'everything', resourceType, id, method: 'GET' });
assert.deepEqual(new Set(everything.entry.map((entry) => entry.resource.resourceType)), new Set(['Patient', 'Observation']));

// on condition
const only = { headers: { 'If-None-Exist': `family=${family}&given=Ada` } };
const found = await client.create({ resourceType, body, options: only });
assert.equal(status(found), 200);

// transaction and batch
const fullUrl = 'urn:uuid:8b0c1d43-6d0f-4a2a-9d61-0e7a3a9b7c22';
const answer = await client.transaction({
  body: {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [
      { fullUrl, resource: body, request: { method: 'POST', url: 'Patient' } },
      {
        resource: { resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject: { reference: fullUrl } },
        request: { method: 'POST', url: 'Observation' },
      },
    ],
  },
});
assert.deepEqual(answer.entry.map((entry) => entry.response.status.slice(0, 3)), ['201', '201']);
const batch = await client.batch({
  body: { resourceType: 'Bundle', type: 'batch', entry: [{ request: { method: 'GET', url: `Patient/${id}` } }] },
});
assert.equal(batch.entry[0].resource.id, id);

// delete
const [observation] = within.entry;
await client.delete({ resourceType: 'Observation', id: observation.resource.id });
await refusal(client.read({ resourceType: 'Observation', id: observation.resource.id }), 410);
