// @platformatic/kafka ADDRESS
import { Admin, Producer, stringSerializers } from '@platformatic/kafka';

const bootstrapBrokers = [process.argv[2]];

async function test(name, story) {
  try {
    await story();
    console.log(`${name}\tok`);
  } catch (e) {
    console.log(`${name}\t${e.message}`.replace(/\n/g, ' ').slice(0, 200));
  }
}

const admin = new Admin({ clientId: 'admin', bootstrapBrokers });
await test('create topics', () => admin.createTopics({ topics: ['plat'], partitions: 1, replicas: 1 }));
const producer = new Producer({ clientId: 'producer', bootstrapBrokers, serializers: stringSerializers });
await test('produce', () => producer.send({ messages: [{ topic: 'plat', key: 'k', value: 'v' }] }));
process.exit(0);
