namespace OrleansMq.Cli.Commands;
internal static class LogConsumption { public static Task Run(Invocation run, ConsumeOptions options) => Task.CompletedTask; }
internal static class HttpBroker { public static IBroker Connect(Uri u) => throw new HttpRequestException($"no broker at {u}"); }
