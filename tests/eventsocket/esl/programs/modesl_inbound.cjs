// modesl, unmodified, dials the engine: it asks, runs a job, and plays to the call that is parked.
const esl = require('modesl');
const [host, port, password] = process.argv.slice(2);

const client = new esl.Connection(host, Number(port), password, () => {
  client.api('echo hello', (answer) => {
    console.log(answer.getBody());
    client.bgapi('echo from a job', (job) => {
      console.log(job.getBody());
      client.subscribe(['CHANNEL_PARK', 'CHANNEL_EXECUTE_COMPLETE', 'CHANNEL_HANGUP'], () => console.log('ready'));
    });
  });
});
client.on('esl::event::CHANNEL_PARK::*', (event) => {
  const channel = event.getHeader('Unique-ID');
  client.execute('answer', '', channel, () => {
    client.execute('playback', 'tone_stream://%(200,0,440)', channel, (done) => {
      console.log(done.getHeader('Application-Response'));
      client.api(`uuid_kill ${channel}`);
    });
  });
});
client.on('esl::event::CHANNEL_HANGUP::*', (event) => {
  console.log(event.getHeader('Hangup-Cause'));
  client.disconnect();
});
