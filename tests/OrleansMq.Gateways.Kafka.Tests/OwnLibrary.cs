using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>Confluent's client takes the library that came with it, also where the machine has another one, which may be older than it needs.</summary>
internal static class OwnLibrary
{
#pragma warning disable CA2255 // Before any test, whichever is first.
    [ModuleInitializer]
    internal static void Load()
#pragma warning restore CA2255
    {
        var own = Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native", "librdkafka.so");
        if (File.Exists(own))
            Library.Load(own);
    }
}
