// kafkajs ADDRESS
const { Kafka, logLevel, CompressionTypes } = require('kafkajs');

const kafka = new Kafka({ brokers: [process.argv[2]], logLevel: logLevel.NOTHING });
const admin = kafka.admin();
const same = (got, wanted) => { if (JSON.stringify(got) !== JSON.stringify(wanted)) throw new Error(`${JSON.stringify(got)}, and not ${JSON.stringify(wanted)}`); };
const pause = ms => new Promise(done => setTimeout(done, ms));

async function test(name, story) {
  try {
    await story();
    console.log(`${name}\tok`);
  } catch (e) {
    console.log(`${name}\t${e.name}: ${e.message}`.replace(/\n/g, ' ').slice(0, 200));
  }
}

async function main() {
  await admin.connect();
  await test('create topics', async () => same(await admin.createTopics({ topics: [{ topic: 'kjs', numPartitions: 3 }] }), true));
  await test('idempotent producer, gzip', async () => {
    const producer = kafka.producer({ idempotent: true });
    await producer.connect();
    for (let batch = 0; batch < 10; batch++)
      await producer.send({ topic: 'kjs', compression: CompressionTypes.GZIP, messages: Array.from({ length: 100 }, (_, i) => ({ key: `${i}`, value: `m${batch}-${i}` })) });
    await producer.disconnect();
  });
  await test('consumer group', async () => {
    const consumer = kafka.consumer({ groupId: 'kjs' });
    await consumer.connect();
    await consumer.subscribe({ topic: 'kjs', fromBeginning: true });
    let seen = 0;
    await consumer.run({ eachMessage: async () => { seen++; } });
    for (let i = 0; i < 100 && seen < 1000; i++)
      await pause(300);
    await consumer.disconnect();
    same(seen, 1000);
    same((await admin.fetchOffsets({ groupId: 'kjs', topics: ['kjs'] }))[0].partitions.reduce((sum, p) => sum + Number(p.offset), 0), 1000);
  });
  await test('describe a group', async () => same((await admin.describeGroups(['kjs'])).groups[0].state, 'Empty'));
  await test('offsets of a topic', async () => same((await admin.fetchTopicOffsets('kjs')).length, 3));
  await test('delete records', async () => admin.deleteTopicRecords({ topic: 'kjs', partitions: [{ partition: 0, offset: '1' }] }));
  await test('describe configs', async () => same((await admin.describeConfigs({ resources: [{ type: 2, name: 'kjs' }] })).resources[0].errorCode, 0));
  await test('transaction with offsets: committed seen, aborted not', async () => {
    await admin.createTopics({ topics: [{ topic: 'kjs-tx', numPartitions: 1 }] });
    const producer = kafka.producer({ transactionalId: 'kjs', maxInFlightRequests: 1, idempotent: true });
    await producer.connect();
    for (const [value, commit] of [['a', true], ['b', false], ['c', true]]) {
      const transaction = await producer.transaction();
      await transaction.send({ topic: 'kjs-tx', messages: [{ value }] });
      await transaction.sendOffsets({ consumerGroupId: 'kjs-etl', topics: [{ topic: 'kjs', partitions: [{ partition: 0, offset: commit ? '1' : '2' }] }] });
      await (commit ? transaction.commit() : transaction.abort());
    }
    await producer.disconnect();
    const consumer = kafka.consumer({ groupId: 'kjs-tx', readUncommitted: false });
    await consumer.connect();
    await consumer.subscribe({ topic: 'kjs-tx', fromBeginning: true });
    const seen = [];
    await consumer.run({ eachMessage: async ({ message }) => { seen.push(message.value.toString()); } });
    for (let i = 0; i < 100 && seen.length < 2; i++)
      await pause(200);
    await pause(500);
    await consumer.disconnect();
    same(seen, ['a', 'c']);
    same((await admin.fetchOffsets({ groupId: 'kjs-etl', topics: ['kjs'] }))[0].partitions.find(p => p.partition === 0).offset, '1');
    await admin.deleteTopics({ topics: ['kjs-tx'] });
  });
  await test('delete a group', async () => admin.deleteGroups(['kjs']));
  await test('delete topics', async () => admin.deleteTopics({ topics: ['kjs'] }));
  await admin.disconnect();
}

main().catch(e => { console.error(e.message); process.exit(1); });
