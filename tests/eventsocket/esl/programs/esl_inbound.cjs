// esl, unmodified, dials the engine: it asks, runs a job, and originates a call to a user.
const { FreeSwitchClient, once } = require('esl');
const [host, port, password] = process.argv.slice(2);
const logger = { debug: () => {}, info: () => {}, error: (...words) => console.error(...words) };

(async () => {
  const client = new FreeSwitchClient({ host, port: Number(port), password, logger });
  const connected = once(client, 'connect');
  client.connect();
  const [call] = await connected;
  console.log((await call.api('echo hello')).body);
  console.log((await call.bgapi('originate {origination_uuid=mine}user/desk &park()', 20000)).body._body.trim());
  const played = await call.command_uuid('mine', 'playback', 'tone_stream://%(200,0,440)', 20000);
  console.log(played.body['Application-Response']);
  await call.hangup_uuid('mine');
  await client.end();
  process.exit(0);
})();
