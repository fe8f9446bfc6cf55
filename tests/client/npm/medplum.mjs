// What users of @medplum/core do, by its own calls; ends with an error at the first thing that is not so.
import assert from 'node:assert/strict';
import { MedplumClient, OperationOutcomeError } from '@medplum/core';

const [base, accessToken, family] = process.argv.slice(2);
const { origin } = new URL(base);
const client = new MedplumClient({ baseUrl: `${origin}/`, fhirUrlPath: 'fhir/', cacheTime: 0, fetch });
client.setAccessToken(accessToken);
const refusal = async (asked) => {
  const error = await asked.then(() => assert.fail('It was not refused.'), (refused) => refused);
  assert.ok(error instanceof OperationOutcomeError, String(error));
  return error.outcome.issue[0];
};

// create, read
const made = await client.createResource({ resourceType: 'Patient', name: [{ family, given: ['Ada'] }], gender: 'female' });
assert.deepEqual(await client.readResource('Patient', made.id), made);
assert.equal((await client.readVersion('Patient', made.id, '1')).id, made.id);

// update, with an ETag, and one that changes nothing
const changed = await client.updateResource({ ...made, gender: 'male' }, { headers: { 'If-Match': 'W/"1"' } });
assert.equal(changed.meta.versionId, '2');
await refusal(client.updateResource({ ...made, gender: 'other' }, { headers: { 'If-Match': 'W/"1"' } }));
assert.equal((await client.updateResource(changed)).meta.versionId, '2');

// patch
const patched = await client.patchResource('Patient', made.id, [{ op: 'replace', path: '/gender', value: 'other' }]);
assert.equal(patched.gender, 'other');

// history
const history = await client.readHistory('Patient', made.id);
assert.deepEqual(history.entry.map((entry) => entry.resource.meta.versionId), ['3', '2', '1']);

// search, page by page
for (const given of ['B', 'C', 'D', 'E']) {
  await client.createResource({ resourceType: 'Patient', name: [{ family, given: [given] }] });
}
const pages = [];
for await (const page of client.searchResourcePages('Patient', { family, _sort: 'given', _count: 2 })) {
  pages.push(page.map((patient) => patient.name[0].given[0]));
}
assert.deepEqual(pages, [['Ada', 'B'], ['C', 'D'], ['E']]);
assert.equal((await client.searchOne('Patient', { family, given: 'Ada' })).id, made.id);

// on condition
const body = { resourceType: 'Patient', name: [{ family, given: ['Ada'] }] };
assert.equal((await client.createResourceIfNoneExist(body, `family=${family}&given=Ada`)).id, made.id);
const upserted = await client.upsertResource({ ...body, gender: 'unknown' }, `family=${family}&given=Ada`);
assert.deepEqual([upserted.id, upserted.gender], [made.id, 'unknown']);

// everything, of one patient
const everything = await client.readPatientEverything(made.id);
assert.deepEqual(everything.entry.map((entry) => entry.resource.id), [made.id]);

// a transaction
const fullUrl = 'urn:uuid:9c0c1d43-6d0f-4a2a-9d61-0e7a3a9b7c33';
const answer = await client.executeBatch({
  resourceType: 'Bundle',
  type: 'transaction',
  entry: [
    { fullUrl, resource: body, request: { method: 'POST', url: 'Patient' } },
    {
      resource: { resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject: { reference: fullUrl } },
      request: { method: 'POST', url: 'Observation' },
    },
  ],
});
assert.deepEqual(answer.entry.map((entry) => entry.response.status.slice(0, 3)), ['201', '201']);

// delete
await client.deleteResource('Patient', made.id);
assert.equal((await refusal(client.readResource('Patient', made.id))).code, 'deleted');
