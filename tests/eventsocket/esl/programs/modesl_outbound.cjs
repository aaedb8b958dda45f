// modesl, unmodified, is dialled by the engine: the server of its examples answers, plays and hangs up.
const esl = require('modesl');

const server = new esl.Server({ port: 0, host: '127.0.0.1', myevents: true }, () => {
  console.log('port', server.server.address().port);
});
server.on('connection::ready', (connection) => {
  connection.execute('answer');
  connection.execute('playback', 'tone_stream://%(200,0,440)', () => {
    console.log('played to', connection.getInfo().getHeader('Caller-Caller-ID-Number'));
    connection.execute('hangup');
  });
});
