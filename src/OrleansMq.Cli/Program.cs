using System.Runtime.InteropServices;
using System.Text;
using OrleansMq.Cli;
using OrleansMq;

using var interrupt = new CancellationTokenSource();
using var ctrlC = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);

var console = new MqConsole(
    new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false)),
    new StreamWriter(StandardOutput.Open(), new UTF8Encoding(false), 1 << 16) { AutoFlush = !Console.IsOutputRedirected },
    Console.Error)
{
    OutIsTerminal = !Console.IsOutputRedirected,
    ErrorIsTerminal = !Console.IsErrorRedirected,
    AskSecret = Console.IsInputRedirected ? null : OrleansMq.Cli.Input.Secrets.Ask,
    Edit = Console.IsInputRedirected || Console.IsOutputRedirected ? null : Editor.Edit,
};
return await MqProgram.Run(args, console, (address, options) => HttpBroker.Connect(address, options), interrupt.Token);

// A second Ctrl-C ends at once, whatever still hangs.
void Interrupt(PosixSignalContext signal)
{
    if (interrupt.IsCancellationRequested)
        return;
    signal.Cancel = true;
    interrupt.Cancel();
}
