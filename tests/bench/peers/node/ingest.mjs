// ingest.mjs PORT BROKER TOPIC: the ingest's peer in node: HTTP POST → verify → JSON.parse → Kafka, acks=all → 200.
// /hooks/standard: Standard Webhooks, HMAC-SHA256 over the body as received; /hooks/okta: a secret header.
// Batches of its own: what arrives while a produce request is under way goes with the next one (kafkajs has no linger).
import http from 'node:http';
import crypto from 'node:crypto';
import kafkajs from 'kafkajs';

const [PORT, BROKER, TOPIC] = [+process.argv[2], process.argv[3], process.argv[4]];
const SECRET = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
const TOKEN = Buffer.from('a-secret-of-the-bench-for-okta');

const { Kafka, Partitioners, logLevel } = kafkajs;
const kafka = new Kafka({ clientId: 'ingest', brokers: [BROKER], logLevel: logLevel.WARN });
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false });
await producer.connect();

let waiting = [];
let busy = false;
async function pump() {
  while (waiting.length) {
    const batch = waiting;
    waiting = [];
    try {
      await producer.send({ topic: TOPIC, acks: -1, messages: batch.map((w) => w.message) });
      for (const w of batch) w.resolve();
    } catch (e) {
      for (const w of batch) w.reject(e);
    }
  }
  busy = false;
}
const send = (key, value) => new Promise((resolve, reject) => {
  waiting.push({ message: { key, value }, resolve, reject });
  if (!busy) {
    busy = true;
    setImmediate(pump);
  }
});

function standard(headers, body) {
  const id = headers['webhook-id'], time = headers['webhook-timestamp'], signatures = headers['webhook-signature'];
  if (!id || !time || !signatures || Math.abs(Date.now() / 1000 - +time) > 300) return false;
  const mac = crypto.createHmac('sha256', SECRET).update(`${id}.${time}.`).update(body).digest();
  return signatures.split(' ').some((s) => {
    if (!s.startsWith('v1,')) return false;
    const given = Buffer.from(s.slice(3), 'base64');
    return given.length === mac.length && crypto.timingSafeEqual(given, mac);
  });
}
function okta(headers) {
  const given = Buffer.from(headers.authorization ?? '');
  return given.length === TOKEN.length && crypto.timingSafeEqual(given, TOKEN);
}
const hooks = {
  '/hooks/standard': { genuine: standard, subject: (event) => event.data.id },
  '/hooks/okta': { genuine: okta, subject: (event) => event.data.events[0].target[0].id },
};

const JSON_HEAD = { 'content-type': 'application/json', 'content-length': 2 }, EMPTY = { 'content-length': 0 };
const server = http.createServer((request, response) => {
  const hook = hooks[request.url], chunks = [];
  request.on('data', (c) => chunks.push(c));
  request.on('end', async () => {
    const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    let key;
    try {
      if (!hook?.genuine(request.headers, body)) return void response.writeHead(401, EMPTY).end();
      key = hook.subject(JSON.parse(body));
    } catch {
      return void response.writeHead(400, EMPTY).end();
    }
    try {
      await send(key, body);
      response.writeHead(200, JSON_HEAD).end('{}');
    } catch {
      response.writeHead(503, EMPTY).end();
    }
  });
});
server.keepAliveTimeout = 60000;
server.listen(PORT, '127.0.0.1', 1024, () => console.log('ready'));
process.on('SIGTERM', () => process.exit(0));
