using System.Net;
using OrleansMq.Json;

namespace OrleansMq;

/// <summary>Exchanges.</summary>
public sealed partial class HttpBroker
{
    public async ValueTask<ExchangeDescription> PutExchange(ExchangeName exchange, ExchangeChange change, CancellationToken cancel = default)
    {
        var ask = Change(HttpMethod.Put, PathOf(exchange), HttpTransport.JsonBody(writer => RoutingJson.WriteChange(writer, change)));
        var answer = await _transport.Send(ask, cancel);
        return HttpTransport.ReadJson(ask, answer, spot => RoutingJson.Read(spot, answer.Status == HttpStatusCode.Created));
    }

    public ValueTask<ExchangeDescription> DescribeExchange(ExchangeName exchange, CancellationToken cancel = default) =>
        _transport.Send(new HttpAsk(HttpMethod.Get, PathOf(exchange)), spot => RoutingJson.Read(spot), cancel);

    public async ValueTask DeleteExchange(ExchangeName exchange, CancellationToken cancel = default) =>
        await _transport.Send(Change(HttpMethod.Delete, PathOf(exchange)), cancel);

    public ValueTask<Page<ExchangeName>> ListExchanges(string prefix = "", string? after = null, int max = 100, CancellationToken cancel = default) =>
        _transport.Send(
            new HttpAsk(HttpMethod.Get, new Address("/v1/exchanges").With("prefix", prefix).With("after", after).With("max", max)),
            spot => ClusterJson.ReadPage(spot, "exchanges", name => new ExchangeName(name)), cancel);

    public ValueTask<bool> Bind(ExchangeName exchange, Binding binding, CancellationToken cancel = default) => SendBinding(exchange, "bind", "bound", binding, cancel);

    public ValueTask<bool> Unbind(ExchangeName exchange, Binding binding, CancellationToken cancel = default) => SendBinding(exchange, "unbind", "unbound", binding, cancel);

    public ValueTask<IReadOnlyList<IReadOnlyList<TopicName>>> Route(ExchangeName exchange, IReadOnlyList<RoutingFacts> messages, CancellationToken cancel = default) =>
        _transport.Send(
            new HttpAsk(HttpMethod.Post, $"{PathOf(exchange)}/route", HttpTransport.JsonBody(writer => RoutingJson.WriteFacts(writer, messages))), RoutingJson.ReadRoutes, cancel);

    private ValueTask<bool> SendBinding(ExchangeName exchange, string verb, string answer, Binding binding, CancellationToken cancel) =>
        _transport.Send(
            Change(HttpMethod.Post, $"{PathOf(exchange)}/{verb}", HttpTransport.JsonBody(writer => RoutingJson.WriteBinding(writer, binding))),
            spot => ClusterJson.ReadFlag(spot, answer), cancel);

    private static string PathOf(ExchangeName exchange) => $"/v1/exchanges/{exchange.Text}";
}
