package dev.chancery.acme;

import static io.javalin.http.HandlerType.GET;
import static io.javalin.http.HandlerType.HEAD;
import static io.javalin.http.HandlerType.POST;
import static java.util.stream.Collectors.joining;

import dev.chancery.acme.SignedRequests.SignedRequest;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.IssuerId;
import dev.chancery.core.TimeOrderedIds;
import dev.chancery.store.Database;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.RenewalMarks;
import io.javalin.http.Handler;
import io.javalin.http.HandlerType;
import io.javalin.router.JavalinDefaultRoutingApi;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The ACME server (RFC 8555): its routes for a web server to carry, and the passes that go on with
 * what a crash or an outage interrupted.
 */
public final class AcmeServer implements AutoCloseable {
  private static final List<HandlerType> METHODS =
      List.of(
          GET,
          HEAD,
          POST,
          HandlerType.PUT,
          HandlerType.PATCH,
          HandlerType.DELETE,
          HandlerType.OPTIONS,
          HandlerType.TRACE);
  private static final String BASE = "/acme/{endpoint}/";

  private final Nonces nonces;
  private final WebFetch fetch;
  private final TlsAlpn01 tlsAlpn01;
  private final Validations validations;
  private final OrderRecovery recovery;
  private final Pruning pruning;
  private final Exchanges exchanges;

  private final NewAccountResource newAccount;
  private final AccountResource account;
  private final AccountOrdersResource accountOrders;
  private final KeyChangeResource keyChange;
  private final NewOrderResource newOrder;
  private final NewAuthorizationResource newAuthorization;
  private final OrderResource order;
  private final FinalizeResource finalizeOrder;
  private final AuthorizationResource authorization;
  private final ChallengeResource challenge;
  private final CertificateResource certificate;
  private final RevokeResource revoke;
  private final RenewalInfoResource renewalInfo;
  private final Replacements replacements;
  private final Clock clock;

  public AcmeServer(
      AcmeSettings settings,
      Database database,
      BindingKeys bindingKeys,
      CertificateAuthority authority,
      Clock clock,
      SecureRandom random) {
    TimeOrderedIds ids = new TimeOrderedIds(clock, random);
    Accounts accounts = new Accounts(database, ids, clock);
    Orders orders = new Orders(database, ids, clock, random);
    Authorizations authorizations =
        new Authorizations(database, clock, settings.authorizationLifetime());
    Dns dns = new Dns(settings.resolvers(), settings.trustAnchors(), clock);
    CaaPermission caa = new CaaPermission(new Caa(dns), authorizations);
    Issuance issuance = new Issuance(orders, authority, caa, clock);
    RateLimiter limiter = new RateLimiter(settings.endpoints(), clock);

    this.nonces = new Nonces(database, clock, random);
    this.fetch = new WebFetch(settings.mostValidations(), random);
    TextRecords texts = new TextRecords(dns);
    HostAddresses addresses = new DnsAddresses(dns);
    // Unless told otherwise, hosts are found where everything on this machine finds them.
    TargetAddresses targets =
        new TargetAddresses(
            settings.resolvers().isEmpty() && settings.trustAnchors().isEmpty()
                ? new SystemAddresses(hostsFile(), addresses)
                : addresses,
            settings.networks());
    this.tlsAlpn01 = new TlsAlpn01(targets, settings.tlsAlpn01Port(), random);
    this.validations =
        new Validations(
            authorizations,
            heeding(
                caa,
                Map.of(
                    ChallengeKind.HTTP_01,
                    new Http01(fetch, targets, settings.http01Port(), settings.redirectPorts()),
                    ChallengeKind.DNS_01,
                    Dns01.of(texts),
                    ChallengeKind.TLS_ALPN_01,
                    tlsAlpn01,
                    ChallengeKind.DNS_ACCOUNT_01,
                    Dns01.byAccount(texts),
                    ChallengeKind.DNS_PERSIST_01,
                    new DnsPersist01(texts, accounts::thumbprints, clock))),
            settings.endpoints(),
            limiter,
            clock,
            settings.pauses(),
            settings.mostValidations());
    this.recovery = new OrderRecovery(orders, issuance, clock, settings.endpoints());
    this.pruning = new Pruning(database, clock, settings.retention());
    this.exchanges =
        new Exchanges(
            database,
            settings.endpoints(),
            new SignedRequests(nonces, accounts, authority),
            nonces);

    this.newAccount = new NewAccountResource(accounts, authority, bindingKeys, limiter);
    this.account = new AccountResource(accounts, orders, authorizations);
    this.accountOrders = new AccountOrdersResource(orders, settings.ordersPerPage());
    this.keyChange = new KeyChangeResource(accounts, authority);
    Set<IssuerId> issuers = new HashSet<>(new IssuerRegistry(database).all());
    settings.endpoints().forEach(endpoint -> issuers.add(endpoint.issuer()));
    LedgerCertificates certificates = new LedgerCertificates(authority, issuers);
    this.newOrder =
        new NewOrderResource(
            orders, authority, certificates, bindingKeys, limiter, clock, settings.orderLifetime());
    this.newAuthorization =
        new NewAuthorizationResource(
            orders,
            authorizations,
            authority,
            bindingKeys,
            limiter,
            clock,
            settings.orderLifetime());
    this.order = new OrderResource(orders);
    this.finalizeOrder = new FinalizeResource(orders, issuance, authority, bindingKeys, caa, clock);
    this.authorization = new AuthorizationResource(authorizations);
    this.challenge = new ChallengeResource(authorizations, validations, limiter);
    this.certificate = new CertificateResource(orders, authority);
    this.revoke =
        new RevokeResource(
            accounts, orders, authorizations, bindingKeys, authority, certificates, clock);
    this.renewalInfo =
        new RenewalInfoResource(
            certificates, new RenewalMarks(database, clock), settings.renewalRetryAfter());
    this.replacements = new Replacements(database);
    this.clock = clock;
  }

  private static Map<ChallengeKind, Validator> heeding(
      CaaPermission caa, Map<ChallengeKind, Validator> validators) {
    Map<ChallengeKind, Validator> heeding = new EnumMap<>(ChallengeKind.class);
    validators.forEach((kind, validator) -> heeding.put(kind, caa.heeding(kind, validator)));
    return heeding;
  }

  /** The machine's, or the one that the JVM was told to take for it. */
  private static Path hostsFile() {
    return Path.of(System.getProperty("jdk.net.hosts.file", "/etc/hosts"));
  }

  /** Adds everything under /acme/. */
  public void routes(JavalinDefaultRoutingApi routes) {
    // Section 6.3: directory and newNonce are read by GET and by POST-as-GET.
    DirectoryResource directory = new DirectoryResource();
    Handler byGet = exchanges.open((urls, at) -> directory.reply(urls));
    Handler byGetAtDefault = exchanges.openAtDefault((urls, at) -> directory.reply(urls));
    resource(
        routes,
        "/acme/directory",
        Map.of(
            GET, byGetAtDefault,
            HEAD, byGetAtDefault,
            POST, exchanges.byAccountAtDefault(directory::reply)));
    resource(
        routes,
        BASE + "directory",
        Map.of(GET, byGet, HEAD, byGet, POST, exchanges.byAccount(directory::reply)));
    resource(
        routes,
        BASE + "new-nonce", // RFC 8555 section 7.2
        Map.of(
            HEAD, exchanges.open((urls, at) -> freshNonce(200)),
            GET, exchanges.open((urls, at) -> freshNonce(204)),
            POST, exchanges.byAccount(AcmeServer::postedNonce)));

    post(routes, "new-account", exchanges.byKey(newAccount::reply));
    post(routes, "account/{id}", exchanges.byAccount(account::reply));
    post(routes, "account/{id}/orders", exchanges.byAccount(accountOrders::reply));
    post(routes, "key-change", exchanges.byAccount(keyChange::reply));
    post(routes, "new-order", exchanges.byAccount(newOrder::reply));
    post(routes, "new-authz", exchanges.byAccount(newAuthorization::reply));
    post(routes, "order/{id}", exchanges.byAccount(order::reply));
    post(routes, "order/{id}/finalize", exchanges.byAccount(finalizeOrder::reply));
    post(routes, "authorization/{id}", exchanges.byAccount(authorization::reply));
    post(routes, "challenge/{id}", exchanges.byAccount(challenge::reply));
    post(routes, "certificate/{id}", exchanges.byAccount(certificate::reply));
    post(routes, "certificate/{id}/{chain}", exchanges.byAccount(certificate::reply));
    post(routes, "revoke-cert", exchanges.signed(revoke::reply));
    // RFC 9773 section 4.1: by a plain GET.
    Handler renewal =
        exchanges.open((urls, at) ->
            renewalInfo.reply(
                urls,
                at.pathParam("certificate"),
                Optional.ofNullable(at.header("If-None-Match"))));
    resource(routes, BASE + "renewal-info/{certificate}", Map.of(GET, renewal, HEAD, renewal));

    Handler nothing = exchanges.nowhere(AcmeError.NOT_FOUND, "there is no such resource");
    METHODS.forEach(method -> routes.addHttpHandler(method, "/acme/*", nothing));
    // A method that HTTP does not know finds no route at all; Javalin answers it in plain text.
    routes.error(
        404,
        context -> {
          if (context.path().startsWith("/acme/") && !METHODS.contains(context.method())) {
            nothing.handle(context);
          }
        });
  }

  private Reply freshNonce(int status) {
    return Reply.empty(status).with("Replay-Nonce", nonces.fresh());
  }

  /** The nonce is added to this answer as to every answer to a POST. */
  private static Reply postedNonce(SignedRequest.ByAccount request) throws AcmeProblem {
    request.requireNoPayload();
    return Reply.empty(204);
  }

  private void post(JavalinDefaultRoutingApi routes, String path, Handler handler) {
    resource(routes, BASE + path, Map.of(POST, handler));
  }

  /** Answers these methods, and every other with 405: RFC 8555 section 6.3 has no plain GET. */
  private void resource(
      JavalinDefaultRoutingApi routes, String path, Map<HandlerType, Handler> handlers) {
    String allowed =
        handlers.keySet().stream().map(HandlerType::name).sorted().collect(joining(", "));
    Handler refusal =
        exchanges.nowhere(AcmeError.METHOD_NOT_ALLOWED, "the methods allowed here are " + allowed);
    METHODS.forEach(method ->
        routes.addHttpHandler(
            method,
            path,
            Optional.ofNullable(handlers.get(method))
                .orElse(context -> refusal.handle(context.header("Allow", allowed)))));
  }

  /**
   * Goes on with what was interrupted: to be called every few seconds, on any number of nodes. May
   * take as long as DNS does not answer.
   *
   * @param stuckFor how long an order may be processing before it counts as interrupted; longer
   *     than the token's time limit
   */
  public void recover(Duration stuckFor) {
    recovery(stuckFor).run();
  }

  /**
   * The same for what is interrupted now, to be done when there is time: what begins meanwhile does
   * not count.
   */
  public Runnable recovery(Duration stuckFor) {
    Instant before = Times.now(clock).minus(stuckFor);
    return () -> {
      recoverValidations();
      recovery.run(before);
    };
  }

  /**
   * Goes on with validations that were interrupted, or found no place: to be called every few
   * seconds on every node, since each has places of its own.
   */
  public void recoverValidations() {
    validations.recover();
  }

  /**
   * Deletes what has ended long enough ago: nonces, orders, authorizations with their challenges,
   * replacements of certificates that have expired. To be called now and then, on any number of
   * nodes; a call is a few short transactions.
   *
   * @param limit how many rows of a kind a transaction deletes at most, apart from what belongs to
   *     them
   * @return whether there may be more, for the next call to delete
   */
  public boolean prune(int limit) {
    boolean moreNonces = nonces.prune(limit) == limit;
    boolean moreReplacements = replacements.prune(clock.instant(), limit) == limit;
    return pruning.run(limit) || moreNonces || moreReplacements;
  }

  /** Stops the validations; what they left is gone on with elsewhere or at the next start. */
  @Override
  public void close() {
    validations.close();
    fetch.close();
    tlsAlpn01.close();
  }
}
