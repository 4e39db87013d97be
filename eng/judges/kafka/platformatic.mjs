// @platformatic/kafka ADDRESS
import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka';

const bootstrapBrokers = [process.argv[2]];
const same = (got, wanted) => { if (JSON.stringify(got) !== JSON.stringify(wanted)) throw new Error(`${JSON.stringify(got)}, and not ${JSON.stringify(wanted)}`); };
const why = e => [e, e.cause, ...(e.errors ?? []), ...(e.errors ?? []).flatMap(x => x.errors ?? [])].filter(Boolean).map(x => x.message).join(' < ');

async function test(name, story) {
  try {
    let timer;
    await Promise.race([story(), new Promise((_, late) => { timer = setTimeout(() => late(new Error('not done in 30 s')), 30_000); })]);
    clearTimeout(timer);
    console.log(`${name}\tok`);
  } catch (e) {
    console.log(`${name}\t${why(e)}`.replace(/\n/g, ' ').slice(0, 300));
  }
}

const admin = new Admin({ clientId: 'admin', bootstrapBrokers });
await test('create topics', async () => same((await admin.createTopics({ topics: ['plat'], partitions: 2, replicas: 1 }))[0].name, 'plat'));
await test('list topics', async () => same(await admin.listTopics(), ['plat'].concat((await admin.listTopics()).filter(t => t !== 'plat')).sort()));
const producer = new Producer({ clientId: 'producer', bootstrapBrokers, serializers: stringSerializers });
await test('produce', async () => {
  const sent = await producer.send({ messages: Array.from({ length: 100 }, (_, i) => ({ topic: 'plat', key: `${i}`, value: `v${i}`, headers: { h: '1' } })) });
  same(sent.offsets.length > 0, true);
});
const idempotent = new Producer({ clientId: 'idempotent', bootstrapBrokers, serializers: stringSerializers, idempotent: true });
await test('idempotent producer', async () => {
  for (let i = 0; i < 5; i++)
    await idempotent.send({ messages: [{ topic: 'plat', key: 'k', value: `i${i}` }] });
});
await test('consumer group, commit', async () => {
  const consumer = new Consumer({ clientId: 'consumer', groupId: 'plat', bootstrapBrokers, deserializers: stringDeserializers, autocommit: false });
  const stream = await consumer.consume({ topics: ['plat'], mode: 'earliest', sessionTimeout: 10_000, heartbeatInterval: 500 });
  let seen = 0;
  for await (const message of stream) {
    await message.commit();
    if (++seen === 105)
      break;
  }
  await stream.close();
  await consumer.close(true);
  same(seen, 105);
});
await test('offsets of the group', async () => {
  const groups = await admin.listConsumerGroupOffsets({ groups: ['plat'] });
  same(groups[0].topics.flatMap(t => t.partitions).reduce((sum, p) => sum + Number(p.committedOffset), 0), 105);
});
await test('list groups', async () => same([...(await admin.listGroups()).keys()].includes('plat'), true));
await test('describe a group', async () => same((await admin.describeGroups({ groups: ['plat'] })).get('plat').state.toLowerCase(), 'empty'));
await test('describe configs', async () => same((await admin.describeConfigs({ resources: [{ resourceType: 2, resourceName: 'plat' }] }))[0].configs.some(c => c.name === 'retention.ms'), true));
await test('delete a group', async () => admin.deleteGroups({ groups: ['plat'] }));
await test('transaction', async () => {
  const transactional = new Producer({ clientId: 'transactional', bootstrapBrokers, serializers: stringSerializers, idempotent: true, transactionalId: 'plat-tx' });
  const transaction = await transactional.beginTransaction();
  await transaction.send({ messages: [{ topic: 'plat', key: 'k', value: 'in a transaction' }] });
  await transaction.commit();
  await transactional.close();
});
const assigned = c => (c.assignments ?? []).reduce((sum, t) => sum + t.partitions.length, 0);
const until = async holds => { while (!await holds()) await new Promise(later => setTimeout(later, 100)); };
await test('consumer protocol: two share, one leaves', async () => {
  const options = { clientId: 'consumer', groupId: 'plat-assigned', groupProtocol: 'consumer', bootstrapBrokers, deserializers: stringDeserializers, autocommit: false };
  const members = [new Consumer(options), new Consumer(options)];
  const seen = new Set();
  const streams = [];
  for (const member of members) {
    const stream = await member.consume({ topics: ['plat'], mode: 'earliest' });
    stream.on('data', m => seen.add(`${m.partition}@${m.offset}`));
    streams.push(stream);
  }
  await until(() => members.every(m => assigned(m) === 1));
  await until(() => seen.size >= 105);
  await streams[0].close();
  await members[0].close(true);
  await until(() => assigned(members[1]) === 2);
  await streams[1].close();
  await members[1].close(true);
});
await test('consumer protocol: list groups by type', async () => {
  const groups = await admin.listGroups({ types: ['consumer'] });
  same([groups.has('plat-assigned'), groups.has('plat')], [true, false]);
});
await test('delete topics', async () => admin.deleteTopics({ topics: ['plat'] }));
process.exit(0);
