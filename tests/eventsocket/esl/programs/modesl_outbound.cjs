// modesl, unmodified, is dialled by the engine: it answers, plays, asks for a digit, bridges and hangs up.
const esl = require('modesl');
const QUESTION = '1 1 3 20000 # menu.wav invalid.wav chosen \\d 1000';

const server = new esl.Server({ port: 0, host: '127.0.0.1', myevents: true }, () => {
  console.log('port', server.server.address().port);
});
server.on('connection::ready', (connection) => {
  const info = connection.getInfo();
  connection.execute('answer');
  console.log('caller', info.getHeader('Caller-Caller-ID-Number'), 'uuid', info.getHeader('Unique-ID') ? 'True' : 'False');
  connection.execute('playback', 'tone_stream://%(300,100,440)', () => {
    console.log('played');
    connection.execute('play_and_get_digits', QUESTION, (asked) => {
      console.log('digits', asked.getHeader('variable_chosen'));
      connection.execute('bridge', 'user/desk', () => {
        console.log('parted');
        connection.execute('hangup');
      });
    });
  });
});
