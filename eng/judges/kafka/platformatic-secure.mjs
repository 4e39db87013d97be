// @platformatic/kafka ADDRESS, over TLS and with a login; JUDGE_* say who, and where the certificates lie.
import { readFileSync } from 'node:fs';
import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka';

const bootstrapBrokers = [process.argv[2]];
const ca = [readFileSync(process.env.JUDGE_ROOT)];
const { JUDGE_USER: username, JUDGE_PASSWORD: password } = process.env;
const all = e => [e, ...(e.cause ? all(e.cause) : []), ...(e.errors ?? []).flatMap(all)];
const why = e => all(e).map(x => x.message).join(' < ');

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

async function through(login, topic) {
  const admin = new Admin({ clientId: 'admin', bootstrapBrokers, ...login });
  await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 });
  await admin.close();
  const producer = new Producer({ clientId: 'producer', bootstrapBrokers, serializers: stringSerializers, ...login });
  await producer.send({ messages: Array.from({ length: 100 }, (_, i) => ({ topic, key: 'k', value: `${i}` })) });
  await producer.close();
  const consumer = new Consumer({ clientId: 'consumer', groupId: topic, bootstrapBrokers, deserializers: stringDeserializers, ...login });
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false });
  const seen = [];
  for await (const message of stream) if (seen.push(message.value) === 100) break;
  await consumer.close(true);
  if (seen.some((value, i) => value !== `${i}`)) throw new Error('not in order');
}

async function refused(login) {
  const admin = new Admin({ clientId: 'admin', bootstrapBrokers, retries: 0, ...login });
  try {
    await admin.listTopics();
  } catch (e) {
    if (all(e).some(x => x.code === 'PLT_KFK_AUTHENTICATION')) return;
    throw e;
  } finally {
    await admin.close().catch(() => {});
  }
  throw new Error('it came in');
}

for (const mechanism of ['SCRAM-SHA-512', 'SCRAM-SHA-256', 'PLAIN']) {
  await test(`TLS, ${mechanism}`, () => through({ tls: { ca }, sasl: { mechanism, username, password } }, `secure-plat-${mechanism}`));
  await test(`a wrong password is a failed login, ${mechanism}`, () => refused({ tls: { ca }, sasl: { mechanism, username, password: 'not the password' } }));
}
await test('TLS, client certificate', () => through({ tls: { ca, cert: readFileSync(process.env.JUDGE_CERTIFICATE), key: readFileSync(process.env.JUDGE_KEY) } }, 'secure-plat-certificate'));
process.exit(0);
