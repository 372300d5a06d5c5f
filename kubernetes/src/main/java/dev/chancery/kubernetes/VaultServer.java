package dev.chancery.kubernetes;

import static io.javalin.http.HandlerType.GET;
import static io.javalin.http.HandlerType.HEAD;
import static io.javalin.http.HandlerType.POST;
import static io.javalin.http.HandlerType.PUT;

import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.CrlLedger;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Refused;
import dev.chancery.store.Database;
import io.javalin.http.Handler;
import io.javalin.http.HandlerType;
import io.javalin.router.JavalinDefaultRoutingApi;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;

/**
 * The Vault-shaped API: its routes for a web server to carry (docs/cert-manager.md says which calls
 * of Vault's there are, and what is different).
 */
public final class VaultServer implements AutoCloseable {
  private static final List<HandlerType> METHODS =
      List.of(
          GET,
          HEAD,
          POST,
          PUT,
          HandlerType.PATCH,
          HandlerType.DELETE,
          HandlerType.OPTIONS,
          HandlerType.TRACE);

  private final VaultSettings settings;
  private final Credentials credentials;
  private final Tokens tokens;
  private final Signings signings;
  private final AppRoleLogin appRole;
  private final CertificateLogin certificate;
  private final Map<String, KubernetesLogin> clusters = new TreeMap<>();
  private final SignResource sign;
  private final ReadResource read;
  private final SystemResource system;
  private final TokenResource token;
  private final List<ClusterHttp> connections = new ArrayList<>();

  /** What the server stands on. */
  public record Foundations(
      Database database,
      TokenKey tokenKey,
      CertificateAuthority authority,
      CrlLedger crls,
      KeyProbe keys,
      Clock clock,
      SecureRandom random) {}

  /**
   * Sets it up; no cluster is asked anything yet.
   *
   * @throws IOException when a file of roots cannot be read
   */
  public VaultServer(VaultSettings settings, Foundations on) throws IOException {
    this.settings = settings;
    Roles roles = new Roles(on.database(), on.clock(), on.random());
    this.signings =
        new Signings(
            on.database(), on.authority(), settings.longestIssuance(), on.clock(), on.random());
    Readiness readiness =
        new Readiness(
            on.keys(), new WriteProbe(on.database(), on.clock(), on.random()), on.clock());
    SigningLoad load = new SigningLoad(settings.mostSignings());
    Supplier<LoginGate> gate = () -> new LoginGate(settings.mostLogins(), load, readiness);
    IssuerChains chains = new IssuerChains(on.authority(), settings.roots());
    this.credentials = new Credentials(on.database(), on.clock(), on.random());
    this.tokens =
        new Tokens(
            on.database(),
            credentials,
            on.tokenKey(),
            settings.tokenLifetime(),
            on.clock(),
            on.random());
    this.appRole = new AppRoleLogin(gate.get(), roles, credentials, tokens);
    this.certificate =
        new CertificateLogin(
            gate.get(), roles, tokens, on.authority(), settings.issuers(), on.clock());
    for (ClusterSettings cluster : settings.clusters()) {
      clusters.put(
          cluster.name(),
          new KubernetesLogin(
              cluster.name(), accounts(cluster, on.clock()), gate.get(), roles, tokens));
    }
    this.sign =
        new SignResource(
            load,
            tokens,
            roles,
            signings,
            on.authority(),
            chains,
            new SignResource.SignSettings(settings.profiles(), settings.patience(), on.clock()));
    this.read =
        new ReadResource(
            on.authority(), chains, on.crls(), settings.standard(), settings.issuers());
    this.system = new SystemResource(readiness, settings.standard(), on.clock());
    this.token = new TokenResource(tokens, roles, on.clock());
  }

  private ServiceAccountTokens accounts(ClusterSettings cluster, Clock clock) throws IOException {
    Optional<Path> tokenFile =
        switch (cluster.verification()) {
          case ClusterSettings.ByReview review -> Optional.of(review.tokenFile());
          case ClusterSettings.ByKeys published -> published.keys().tokenFile();
        };
    ClusterHttp http = new ClusterHttp(cluster.roots(), tokenFile);
    connections.add(http);
    return switch (cluster.verification()) {
      case ClusterSettings.ByReview review -> new TokenReview(http, review.server());
      case ClusterSettings.ByKeys published ->
          new SignedTokens(
              published.issuer(),
              new KeySet(
                  published
                      .keys()
                      .url()
                      .map(url -> KeySet.ofUrl(http, url))
                      .orElseGet(() -> KeySet.ofFile(published.keys().file().orElseThrow())),
                  clock),
              clock);
    };
  }

  /** Adds everything under /v1/. */
  public void routes(JavalinDefaultRoutingApi routes) {
    post(routes, "/v1/auth/approle/login", appRole::reply);
    if (settings.certificates()) {
      post(routes, "/v1/auth/cert/login", certificate::reply);
    }
    clusters.forEach((name, login) -> post(routes, "/v1/auth/" + name + "/login", login::reply));
    get(routes, "/v1/auth/token/lookup-self", token::lookup);
    post(routes, "/v1/auth/token/renew-self", token::renew);
    post(routes, "/v1/auth/token/revoke-self", token::revoke);
    get(routes, "/v1/sys/health", context -> system.health());
    get(routes, "/v1/sys/seal-status", context -> system.sealStatus());

    String pki = "/v1/" + settings.mount() + "/";
    for (String verb : List.of("sign", "sign-verbatim")) {
      post(
          routes,
          pki + verb + "/{role}",
          context -> sign.reply(context, target(context.pathParam("role"), Optional.empty())));
      post(
          routes,
          pki + "issuer/{issuer}/" + verb + "/{role}",
          context ->
              sign.reply(
                  context,
                  target(context.pathParam("role"), Optional.of(context.pathParam("issuer")))));
    }
    post(
        routes,
        pki + "root/sign-intermediate",
        context ->
            sign.reply(context, new SignResource.Target(Optional.empty(), Optional.empty(), true)));
    post(
        routes,
        pki + "issuer/{issuer}/sign-intermediate",
        context ->
            sign.reply(
                context,
                new SignResource.Target(
                    Optional.empty(), Optional.of(context.pathParam("issuer")), true)));

    get(routes, pki + "ca", context -> read.der(read.standard()));
    get(routes, pki + "ca/pem", context -> read.pem(read.standard()));
    get(routes, pki + "ca_chain", context -> read.chain(read.standard()));
    get(routes, pki + "crl", context -> read.crlDer(read.standard()));
    get(routes, pki + "crl/pem", context -> read.crlPem(read.standard()));
    get(routes, pki + "cert/{name}", context -> read.certificate(context.pathParam("name")));
    ofIssuer(routes, pki, "json", read::json);
    ofIssuer(routes, pki, "der", read::der);
    ofIssuer(routes, pki, "pem", read::pem);
    ofIssuer(routes, pki, "crl", read::crlDer);
    ofIssuer(routes, pki, "crl/pem", read::crlPem);

    Handler nothing = Exchanges.open(context -> Reply.error(404, "there is no such path"));
    METHODS.forEach(method -> routes.addHttpHandler(method, "/v1/*", nothing));
    // A method that HTTP does not know finds no route at all; Javalin answers it in plain text.
    routes.error(
        404,
        context -> {
          if (context.path().startsWith("/v1/") && !METHODS.contains(context.method())) {
            nothing.handle(context);
          }
        });
  }

  private static SignResource.Target target(String role, Optional<String> issuer) {
    return new SignResource.Target(Optional.of(role), issuer, false);
  }

  private interface OfIssuer {
    Reply reply(IssuerId issuer) throws VaultProblem, Refused;
  }

  private void ofIssuer(JavalinDefaultRoutingApi routes, String pki, String what, OfIssuer answer) {
    get(
        routes,
        pki + "issuer/{issuer}/" + what,
        context -> answer.reply(read.issuer(context.pathParam("issuer"))));
  }

  private static void get(JavalinDefaultRoutingApi routes, String path, Exchanges.Answer answer) {
    resource(routes, path, List.of(GET, HEAD), answer);
  }

  /** Some clients send POST, some PUT: Vault makes no difference. */
  private static void post(JavalinDefaultRoutingApi routes, String path, Exchanges.Answer answer) {
    resource(routes, path, List.of(POST, PUT), answer);
  }

  private static void resource(
      JavalinDefaultRoutingApi routes,
      String path,
      List<HandlerType> methods,
      Exchanges.Answer answer) {
    Handler handler = Exchanges.open(answer);
    Handler refusal = Exchanges.open(context -> Reply.error(405, "unsupported operation"));
    String allowed = String.join(", ", methods.stream().map(HandlerType::name).toList());
    METHODS.forEach(method ->
        routes.addHttpHandler(
            method,
            path,
            methods.contains(method)
                ? handler
                : context -> refusal.handle(context.header("Allow", allowed))));
  }

  /**
   * Deletes what is over: credentials, revocations of tokens, requests that nobody repeats. To be
   * called now and then, on any number of nodes.
   *
   * @param limit how many rows of a kind a transaction deletes at most
   * @return whether there may be more
   */
  public boolean prune(int limit) {
    boolean moreCredentials = credentials.prune(limit) == limit;
    boolean moreTokens = tokens.prune(limit) == limit;
    return signings.prune(limit) == limit || moreCredentials || moreTokens;
  }

  @Override
  public void close() {
    connections.forEach(ClusterHttp::close);
  }
}
