using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using OrleansMq.Access;
using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka;

/// <summary>Who the client of a connection is: by its certificate, or by SASL, whose word counts more. Nobody until then, where the gateway asks.</summary>
/// <remarks>Handshake and messages come one after the other, and nothing else is in work meanwhile. What they leave is read from any thread.</remarks>
internal sealed class KafkaLogin
{
    /// <summary>Of one request before it is known who asks: a token and its teams are far below.</summary>
    public const int MaxStrangersBytes = 64 << 10;

    private const string Gateway = "kafka sasl";

    // The same for a wrong name and a wrong password.
    private const string Wrong = "The name, the password or the token is wrong.";

    private readonly KafkaDesk _desk;
    private readonly GatewaySecurity _security;
    private readonly string _address;
    private readonly TenantSeat? _seat;
    private readonly bool _maySecrets;

    private volatile Session? _session;
    private SaslExchange? _exchange;
    private bool _bySasl, _asked, _refused;

    public KafkaLogin(KafkaDesk desk, ConnectionContext connection)
    {
        (_desk, _security) = (desk, desk.Options.Security);
        _address = PeerAddress.Of((connection.RemoteEndPoint as System.Net.IPEndPoint)?.Address);
        _seat = connection.Features.Get<TenantSeat>();
        _maySecrets = _security.MayCarrySecrets(_security.Tls is not null, connection.RemoteEndPoint);
        if (_security.Access is null)
            _session = new Session(desk.Broker, null, null);
        else if (GatewaySecurity.PrincipalOf(connection.Features.Get<ITlsConnectionFeature>()?.ClientCertificate) is { } holder)
            _session = SessionOf(holder) with { Until = null };
        CameIn = _session is not null;
    }

    /// <param name="Principal">Null: nobody is asked.</param>
    /// <param name="Until">Null: for as long as the connection.</param>
    private sealed record Session(IBroker Broker, Principal? Principal, DateTimeOffset? Until);

    /// <summary>It was known once who it is.</summary>
    public bool CameIn { get; private set; }

    /// <summary>Null: nobody is asked, or it is not known.</summary>
    public Principal? Principal => _session?.Principal;

    /// <summary>The broker as this client may use it.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.Unauthenticated"/>: it is not known who asks.</exception>
    public IBroker Broker => _session?.Broker ?? _security.BrokerOf(_desk.Broker, null);

    /// <summary>The next frame is the mechanism's message, and no request.</summary>
    public bool TakesMessages { get; private set; }

    public int MaxRequestBytes => IsIn ? _desk.Options.MaxRequestBytes : Math.Min(_desk.Options.MaxRequestBytes, MaxStrangersBytes);

    private bool IsIn => _session is { } session && (_exchange is null || _bySasl) && !(session.Until <= _desk.Options.Time.GetUtcNow());

    /// <summary>Whether a request is answered now: before it is known who asks, and when a login has ended, only those that find it out.</summary>
    public bool Admits(ApiKey key)
    {
        // What was sent behind a guess that was wrong is no second one.
        if (_refused)
            return false;
        if (key is ApiKey.ApiVersions or ApiKey.SaslHandshake or ApiKey.SaslAuthenticate)
            return true;
        _asked |= IsIn;
        return IsIn;
    }

    /// <summary>Chooses the mechanism of the messages that follow.</summary>
    public (KafkaError Error, IReadOnlyList<string> Offered) Begin(short version, string mechanism)
    {
        var offered = SaslExchange.Offered(_security, _maySecrets);
        // Where nobody is asked; where the certificate's holder has asked for something already; and to show it again by the old messages, which can't say when the login ends.
        if (_security.Access is null || (_asked && !_bySasl) || (_bySasl && version == 0))
            return (KafkaError.IllegalSaslState, offered);
        _exchange = SaslExchange.Begin(mechanism, _security, _maySecrets);
        TakesMessages = _exchange is not null && version == 0;
        return (_exchange is null ? KafkaError.UnsupportedSaslMechanism : KafkaError.None, offered);
    }

    /// <summary>The client's next message. After an error the connection is to be closed.</summary>
    /// <exception cref="MalformedRequestException">It can't be decided now; the client comes again with a connection of its own.</exception>
    public async ValueTask<SaslAnswer> Next(ReadOnlyMemory<byte> message, CancellationToken cancel)
    {
        if (_exchange is not { } exchange)
            return SaslAnswer.Refused(KafkaError.IllegalSaslState, "Say the mechanism first, by SaslHandshake.");
        if (_security.Access!.Quotas.RefusalOf(_address) is { } full)
            throw new MalformedRequestException(full.Message);
        byte[]? answer;
        try
        {
            answer = await exchange.Next(message, cancel);
        }
        catch (MqException e)
        {
            throw new MalformedRequestException(e.Message);
        }
        if (answer is null)
            return Refuse(exchange.Name, Wrong);
        if (exchange.Principal is not { } who)
            return new SaslAnswer(KafkaError.None, null, answer, 0);
        if (_bySasl && (who.Name, who.Tenant) != (Principal?.Name, Principal?.Tenant))
            return Refuse(who.Name, "A connection stays whose it is: come as another on another.");
        if (_seat?.Take(who) is { } crowd)
            throw new MalformedRequestException(crowd.Message);
        _session = SessionOf(who);
        (_exchange, TakesMessages, _bySasl, CameIn) = (null, false, true, true);
        return new SaslAnswer(KafkaError.None, null, answer, MsUntil(_session.Until));
    }

    private SaslAnswer Refuse(string name, string why)
    {
        _refused = true;
        _security.Access!.LoginFailed(name, _address, Gateway);
        _security.Access.Quotas.TakeOfStranger(_address);
        return SaslAnswer.Refused(KafkaError.SaslAuthenticationFailed, why);
    }

    private Session SessionOf(Principal who)
    {
        who = who with { Address = _address };
        var until = _desk.Options.LoginLasts is { } lasts ? _desk.Options.Time.GetUtcNow() + lasts : who.Until;
        return new Session(_security.BrokerOf(_desk.Broker, who), who, who.Until < until ? who.Until : until);
    }

    private long MsUntil(DateTimeOffset? until) => until is { } at ? Math.Max(1, (long)(at - _desk.Options.Time.GetUtcNow()).TotalMilliseconds) : 0;
}
