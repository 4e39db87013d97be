using System.CommandLine;
namespace OrleansMq.Cli.Commands;
internal static class ProduceCommand { public static Command Build(Shell shell) => shell.Handle(new("produce"), _ => Task.FromResult(0)); }
internal static class BenchCommand { public static Command Build(Shell shell) => shell.Handle(new("bench"), _ => Task.FromResult(0)); }
internal static class DoctorCommand { public static Command Build(Shell shell) => shell.Handle(new("doctor"), _ => Task.FromResult(0)); }
internal static class LogConsumption { public static Task Run(Invocation run, ConsumeOptions options) => Task.CompletedTask; }
internal static class HttpBroker { public static IBroker Connect(Uri u) => throw new HttpRequestException($"no broker at {u}"); }
