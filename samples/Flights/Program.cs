using OrleansMq.Samples;
using OrleansMq.Samples.Flights;

// 20,000 real flights through OrleansMq, with the broker killed in the middle. Exit codes: 0 every promise kept, 1 one broken,
// 2 wrong usage, 3 the sample could not begin.
using var interrupt = new CancellationTokenSource();
Console.CancelKeyPress += (_, e) =>
{
    e.Cancel = !interrupt.IsCancellationRequested;
    interrupt.Cancel();
};
try
{
    return await FlightsRun.Run(SampleOptions.Parse(args), interrupt.Token);
}
catch (FormatException e)
{
    Console.Error.WriteLine($"flights: {e.Message}\n{SampleOptions.Usage}");
    return 2;
}
catch (SetUpException e)
{
    Console.Error.WriteLine($"flights: {e.Message}");
    return 3;
}
catch (OrleansMq.MqException e)
{
    Console.Error.WriteLine($"flights: BROKEN: the broker refused for good, {e.Code}: {e.Message}");
    return 1;
}
catch (OperationCanceledException) when (interrupt.IsCancellationRequested)
{
    return 130;
}
