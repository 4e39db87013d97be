using BenchmarkDotNet.Running;
using OrleansMq.Benchmarks;

// dotnet run -c Release --project tests/OrleansMq.Benchmarks -- --filter '*' --job short
BenchmarkSwitcher.FromAssembly(typeof(Crc32CBenchmarks).Assembly).Run(args);
