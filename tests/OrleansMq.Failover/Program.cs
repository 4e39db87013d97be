using OrleansMq.Failover;

if (args is ["--help"] or ["-h"])
{
    Console.WriteLine(FailoverOptions.Usage);
    return 0;
}
FailoverOptions options;
try
{
    options = FailoverOptions.Parse(args);
}
catch (FormatException e)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}
var report = await FailoverRun.Run(options, Console.WriteLine);
foreach (var broken in report.Broken.Take(50))
    Console.WriteLine($"BROKEN {broken}");
Console.WriteLine($"{report.Acknowledged} acknowledged, {report.Stored} stored, {report.Back.Count} misfortunes, slowest back after {report.Back.Select(happened => happened.Back?.TotalSeconds ?? double.PositiveInfinity).DefaultIfEmpty().Max():F2} s, {report.Broken.Count} promises broken");
return report.Broken.Count == 0 ? 0 : 1;
