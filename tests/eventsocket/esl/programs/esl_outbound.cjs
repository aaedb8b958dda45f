// esl, unmodified, is dialled by the engine: it answers, plays, reads a variable and hangs up, waiting for each to end.
const net = require('net');
const { FreeSwitchServer } = require('esl');
const logger = { debug: () => {}, info: () => {}, error: (...words) => console.error(...words) };

(async () => {
  const server = new FreeSwitchServer({ logger });
  server.on('connection', async (call, { data }) => {
    await call.command('answer', '');
    const played = await call.command('playback', 'tone_stream://%(200,0,440)');
    console.log('played to', data['Caller-Caller-ID-Number'], played.body.variable_playback_ms > 0);
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
