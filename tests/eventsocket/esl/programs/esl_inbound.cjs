// esl, unmodified, dials the engine: it follows events, plays, asks for digits, bridges, and originates.
const { FreeSwitchClient, once } = require('esl');
const [host, port, password] = process.argv.slice(2);
const logger = { debug: () => {}, info: () => {}, error: (...words) => console.error(...words) };
const QUESTION = '1 4 1 20000 # tone_stream://%(200,0,440) silence pin \\d+ 20000';

(async () => {
  const client = new FreeSwitchClient({ host, port: Number(port), password, logger });
  const connected = once(client, 'connect');
  client.connect();
  const [call] = await connected;
  await call.event_json('CHANNEL_PARK', 'CHANNEL_EXECUTE', 'CHANNEL_BRIDGE', 'CHANNEL_HANGUP', 'CHANNEL_EXECUTE_COMPLETE', 'BACKGROUND_JOB');
  const parked = new Promise((resolve) => call.once('CHANNEL_PARK', (event) => resolve(event.body['Unique-ID'])));
  call.on('CHANNEL_EXECUTE', ({ body }) => {
    if (body.Application === 'play_and_get_digits') console.log('asking');
  });
  call.on('CHANNEL_BRIDGE', () => console.log('bridged'));
  console.log('ready');
  const channel = await parked;
  const ended = new Promise((resolve) => call.on('CHANNEL_HANGUP', ({ body }) => {
    if (body['Unique-ID'] === channel) resolve(body['Hangup-Cause']);
  }));
  await call.command_uuid(channel, 'answer', '', 40000);
  const played = await call.command_uuid(channel, 'playback', 'tone_stream://%(200,0,440)', 40000);
  console.log(played.body['Application-Response']);
  const asked = await call.command_uuid(channel, 'play_and_get_digits', QUESTION, 40000);
  console.log('digits', asked.body.variable_pin);
  await call.command_uuid(channel, 'bridge', 'user/desk', 40000);
  const job = await call.bgapi('originate {origination_uuid=mine}user/desk &park()', 40000);
  console.log('originated', job.body._body.trim());
  await call.hangup_uuid('mine');
  await call.hangup_uuid(channel, 'NORMAL_CLEARING');
  console.log(await ended);
  await client.end();
  process.exit(0);
})();
