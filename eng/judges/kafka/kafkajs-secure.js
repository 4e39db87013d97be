// kafkajs ADDRESS, over TLS and with a login; JUDGE_* say who, and where the certificates lie.
const { readFileSync } = require('fs');
const { Kafka, logLevel } = require('kafkajs');

const ca = [readFileSync(process.env.JUDGE_ROOT)];
const { JUDGE_USER: username, JUDGE_PASSWORD: password } = process.env;
const client = more => new Kafka({ brokers: [process.argv[2]], logLevel: logLevel.NOTHING, retry: { retries: 2 }, ssl: { ca }, ...more });

async function test(name, story) {
  try {
    await story();
    console.log(`${name}\tok`);
  } catch (e) {
    console.log(`${name}\t${e.name}: ${e.message}`.replace(/\n/g, ' ').slice(0, 200));
  }
}

async function through(kafka, topic) {
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
  await admin.disconnect();
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic, messages: Array.from({ length: 1000 }, (_, i) => ({ value: `${i}` })) });
  await producer.disconnect();
  const consumer = kafka.consumer({ groupId: topic });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const seen = [];
  await new Promise((done, late) => {
    setTimeout(() => late(new Error(`${seen.length} came in 30 s`)), 30000).unref();
    consumer.run({ eachMessage: async ({ message }) => { if (seen.push(message.value.toString()) === 1000) done(); } });
  });
  await consumer.disconnect();
  if (seen.some((value, i) => value !== `${i}`)) throw new Error('not in order');
}

async function refused(kafka) {
  const admin = kafka.admin();
  try {
    await admin.connect();
  } catch (e) {
    if (e.name === 'KafkaJSSASLAuthenticationError') return;
    throw e;
  }
  throw new Error('it came in');
}

async function main() {
  for (const mechanism of ['scram-sha-512', 'scram-sha-256', 'plain']) {
    await test(`TLS, ${mechanism}`, () => through(client({ sasl: { mechanism, username, password } }), `secure-kjs-${mechanism}`));
    await test(`a wrong password is a failed login, ${mechanism}`, () => refused(client({ sasl: { mechanism, username, password: 'not the password' } })));
    await test(`and so is a wrong name, ${mechanism}`, () => refused(client({ sasl: { mechanism, username: 'nobody', password } })));
  }
  await test('TLS, client certificate', () => through(client({ ssl: { ca, cert: readFileSync(process.env.JUDGE_CERTIFICATE), key: readFileSync(process.env.JUDGE_KEY) } }), 'secure-kjs-certificate'));
}

main().then(() => process.exit(0));
