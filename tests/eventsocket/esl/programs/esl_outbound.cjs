// esl, unmodified, is dialled by the engine: it answers, plays, asks for a digit, bridges and hangs up.
const net = require('net');
const { FreeSwitchServer } = require('esl');
const logger = { debug: () => {}, info: () => {}, error: (...words) => console.error(...words) };
const QUESTION = '1 1 3 20000 # menu.wav invalid.wav chosen \\d 1000';

(async () => {
  const server = new FreeSwitchServer({ logger });
  server.on('connection', async (call, { data }) => {
    await call.command('answer', '');
    console.log('caller', data['Caller-Caller-ID-Number'], 'uuid', data['Unique-ID'] ? 'True' : 'False');
    await call.command('playback', 'tone_stream://%(300,100,440)');
    console.log('played');
    const asked = await call.command('play_and_get_digits', QUESTION);
    console.log('digits', asked.body.variable_chosen);
    await call.command('bridge', 'user/desk');
    console.log('parted');
    await call.hangup();
  });
  const probe = net.createServer();
  probe.listen(0, '127.0.0.1', () => {
    const { port } = probe.address();
    probe.close(async () => {
      await server.listen({ host: '127.0.0.1', port });
      console.log('port', port);
    });
  });
})();
