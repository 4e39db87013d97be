using System.Collections;
using System.Reflection;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging.Console;
using OrleansMq.Silo;

if (args is ["--help"] or ["-h"])
{
    Console.WriteLine(Help.Text);
    return 0;
}
if (args is ["--version"])
{
    Console.WriteLine(Assembly.GetExecutingAssembly().GetName().Version?.ToString(3));
    return 0;
}

SiloOptions options;
try
{
    var file = File.Exists(SettingSources.File) ? File.ReadAllText(SettingSources.File) : null;
    var environment = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
        .Select(entry => new KeyValuePair<string, string>((string)entry.Key, (string?)entry.Value ?? ""));
    options = SiloOptions.Of(SettingSources.Gather(file, environment, args, Console.Error.WriteLine));
}
catch (SettingException e)
{
    Console.Error.WriteLine(e.Message);
    return SiloProcess.WrongSetting;
}

// Standard output has the ready line and nothing else.
using var loggers = LoggerFactory.Create(logging => logging
    .AddSimpleConsole(console => (console.SingleLine, console.TimestampFormat, console.UseUtcTimestamp) = (true, "yyyy-MM-ddTHH:mm:ss.fffZ ", true))
    .Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace)
    .AddLogging(levels => levels.AddFilter("Microsoft", LogLevel.Warning).AddFilter("Polly", LogLevel.Warning).AddFilter("Orleans", LogLevel.Warning).AddFilter("OrleansMq", LogLevel.Information)
        .AddConfiguration(new ConfigurationBuilder().SetBasePath(Directory.GetCurrentDirectory()).AddJsonFile(SettingSources.File, optional: true).Build().GetSection("Logging"))));

using var stop = new CancellationTokenSource();
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Ask);
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Ask);
return await new SiloProcess(options, loggers).Run(Console.Out, Console.Error, stop.Token);

void Ask(PosixSignalContext signal)
{
    // The second time it is meant: the runtime ends the process.
    if (stop.IsCancellationRequested)
        return;
    signal.Cancel = true;
    stop.Cancel();
}
