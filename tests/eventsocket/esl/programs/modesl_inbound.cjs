// modesl, unmodified, dials the engine: it follows events, plays, asks for digits, bridges, and originates.
const esl = require('modesl');
const [host, port, password] = process.argv.slice(2);
const QUESTION = '1 4 1 20000 # tone_stream://%(200,0,440) silence pin \\d+ 20000';
const EVENTS = ['CHANNEL_PARK', 'CHANNEL_EXECUTE', 'CHANNEL_EXECUTE_COMPLETE', 'CHANNEL_BRIDGE', 'CHANNEL_HANGUP'];

const client = new esl.Connection(host, Number(port), password, () => {
  client.api('echo hello', (answer) => {
    if (answer.getBody() !== 'hello') throw new Error(answer.getBody());
    client.subscribe(EVENTS, () => console.log('ready'));
  });
});
let channel;
client.on('esl::event::CHANNEL_PARK::*', (event) => {
  if (channel) return;
  channel = event.getHeader('Unique-ID');
  client.execute('answer', '', channel, () => {
    client.execute('playback', 'tone_stream://%(200,0,440)', channel, (played) => {
      console.log(played.getHeader('Application-Response'));
      client.execute('play_and_get_digits', QUESTION, channel, (asked) => {
        console.log('digits', asked.getHeader('variable_pin'));
        client.execute('bridge', 'user/desk', channel, () => {
          client.bgapi('originate {origination_uuid=mine}user/desk &park()', (job) => {
            console.log('originated', job.getBody().trim());
            client.api('uuid_kill mine', () => client.api(`uuid_kill ${channel}`));
          });
        });
      });
    });
  });
});
client.on('esl::event::CHANNEL_EXECUTE::*', (event) => {
  if (event.getHeader('Application') === 'play_and_get_digits') console.log('asking');
});
client.on('esl::event::CHANNEL_BRIDGE::*', () => console.log('bridged'));
client.on('esl::event::CHANNEL_HANGUP::*', (event) => {
  if (event.getHeader('Unique-ID') !== channel) return;
  console.log(event.getHeader('Hangup-Cause'));
  client.disconnect();
});
