using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Tokens;
using OrleansMq.Access;

namespace OrleansMq.Gateways;

/// <summary>Whose tokens are taken.</summary>
public sealed record TokenOptions
{
    /// <summary>The issuer, as an OpenID provider says it; its keys are found beneath it.</summary>
    public required Uri Issuer { get; init; }

    /// <summary>Whom a token has to be for.</summary>
    public required string Audience { get; init; }

    /// <summary>The claim that says who it is. <c>sub</c>.</summary>
    public string NameClaim { get; init; } = "sub";

    /// <summary>The claim that says which teams. <c>groups</c>.</summary>
    public string TeamsClaim { get; init; } = "groups";

    /// <summary>The claim that says of which tenant it is; a token without it is of none. <c>tenant</c>.</summary>
    public string TenantClaim { get; init; } = "tenant";

    /// <exception cref="ArgumentException">The issuer can't be: keys that anybody on the way could swap are none.</exception>
    public void Validate()
    {
        if (!Issuer.IsAbsoluteUri || !(Issuer.Scheme == Uri.UriSchemeHttps || (Issuer.Scheme == Uri.UriSchemeHttp && Issuer.IsLoopback)))
            throw new ArgumentException($"{nameof(Issuer)} is {Issuer}: an https:// address.");
        if (string.IsNullOrWhiteSpace(Audience))
            throw new ArgumentException($"{nameof(Audience)} is empty: a token that is for nobody in particular would be for everyone.");
    }
}

/// <summary>Checks bearer tokens (JWT) of one issuer: signature, issuer, audience and lifetime, all by the framework's own handler.</summary>
public sealed class TokenCheck : IAsyncDisposable
{
    private const string Scheme = JwtBearerDefaults.AuthenticationScheme;
    private const int MaxTokenChars = 16 << 10;
    private const int MaxTeams = 200;

    // Two machines' clocks are never quite the same.
    private static readonly TimeSpan Leeway = TimeSpan.FromSeconds(30);

    // Every algorithm that needs the issuer's private key. Without a list, a symmetric one could be meant.
    private static readonly string[] Algorithms =
    [
        SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512,
        SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSsaPssSha384, SecurityAlgorithms.RsaSsaPssSha512,
        SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.EcdsaSha512,
    ];

    private readonly ServiceProvider _services;
    private readonly AuthenticationScheme _scheme = new(Scheme, null, typeof(JwtBearerHandler));
    private readonly TokenOptions _options;

    /// <param name="backchannel">How the issuer's keys are fetched; null: the framework's way.</param>
    public TokenCheck(TokenOptions options, ILoggerFactory? loggers = null, HttpMessageHandler? backchannel = null)
    {
        options.Validate();
        _options = options;
        var services = new ServiceCollection();
        if (loggers is not null)
            services.AddSingleton(loggers);
        services.AddLogging();
        services.AddAuthentication(Scheme).AddJwtBearer(Scheme, bearer =>
        {
            bearer.Authority = options.Issuer.ToString().TrimEnd('/');
            bearer.Audience = options.Audience;
            bearer.RequireHttpsMetadata = options.Issuer.Scheme == Uri.UriSchemeHttps;
            bearer.MapInboundClaims = false;
            bearer.SaveToken = false;
            bearer.BackchannelHttpHandler = backchannel;
            bearer.BackchannelTimeout = TimeSpan.FromSeconds(5);
            bearer.TokenValidationParameters.ValidAlgorithms = Algorithms;
            bearer.TokenValidationParameters.ValidateIssuer = true;
            bearer.TokenValidationParameters.ValidateAudience = true;
            bearer.TokenValidationParameters.RequireExpirationTime = true;
            bearer.TokenValidationParameters.RequireSignedTokens = true;
            bearer.TokenValidationParameters.ClockSkew = Leeway;
        });
        _services = services.BuildServiceProvider();
    }

    /// <returns>Null: the token is not good; why stands in the log, never the token.</returns>
    public async ValueTask<Principal?> Check(string token, CancellationToken cancel = default)
    {
        if (token.Length is 0 or > MaxTokenChars)
            return null;
        var request = new DefaultHttpContext { RequestServices = _services, RequestAborted = cancel };
        request.Request.Headers.Authorization = $"Bearer {token}";
        // A handler serves one request, as everywhere in the framework.
        var handler = ActivatorUtilities.CreateInstance<JwtBearerHandler>(_services);
        await handler.InitializeAsync(_scheme, request);
        var result = await handler.AuthenticateAsync();
        if (result is not { Succeeded: true, Principal: { } claims } || claims.FindFirst(_options.NameClaim)?.Value is not { } name || !IsName(name))
            return null;
        var tenants = claims.FindAll(_options.TenantClaim).Select(claim => claim.Value).Take(2).ToList();
        // What is no tenant's name, or two of them, is not taken for none: that would be the operators' names.
        if (tenants.Count > 1 || (tenants.Count == 1 && !UserNameRule.IsTenant(tenants[0])))
            return null;
        return Principal.OfToken(name, claims.FindAll(_options.TeamsClaim).Select(claim => claim.Value).Where(IsName).Take(MaxTeams)) with { Until = result.Properties?.ExpiresUtc + Leeway, Tenant = tenants.FirstOrDefault() };
    }

    // Names and teams are kept on lines of their own: what holds a line's end could be taken for more than one.
    private static bool IsName(string text) => text.Length is > 0 and <= UserNameRule.MaxLength && !text.Any(char.IsControl);

    public ValueTask DisposeAsync() => _services.DisposeAsync();
}
