package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.StringWriter;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Bad input stops the start with one line that says what and where, and changes nothing. */
@DisplayName("What the start refuses")
class StartRefusalsTest {
  @TempDir static Path folder;
  private static Path template;

  @BeforeAll
  static void makeTemplate() {
    template = DevelopmentHome.served(folder.resolve("template"));
  }

  interface Change {
    void to(Path home) throws Exception;
  }

  /**
   * @param line a text of the line that the refusal must name; the last line that has it counts
   * @param says what the refusal must hold
   */
  record Refusal(
      String name, Change change, List<String> options, Optional<String> line, List<String> says) {
    static Refusal of(String name, Change change, String... says) {
      return new Refusal(name, change, List.of(), Optional.empty(), List.of(says));
    }

    /** A configuration that goes on with this text, and is refused at the line that has it. */
    static Refusal appended(String name, String text, String... says) {
      Change change =
          home ->
              Files.writeString(
                  home.resolve("chancery.yaml"), "\n" + text + "\n", StandardOpenOption.APPEND);
      return new Refusal(name, change, List.of(), text.lines().reduce((a, b) -> b), List.of(says));
    }

    /**
     * A configuration with one text instead of another, refused at the line that has the marker.
     */
    static Refusal edited(String name, String old, String fresh, String marker, String... says) {
      return new Refusal(
          name, home -> edit(home, old, fresh), List.of(), Optional.of(marker), List.of(says));
    }

    static Refusal override(String name, String set, String... says) {
      return new Refusal(name, home -> {}, List.of("--set", set), Optional.empty(), List.of(says));
    }

    @Override
    public String toString() {
      return name;
    }
  }

  private static void edit(Path home, String old, String fresh) throws IOException {
    edit(home, "chancery.yaml", old, fresh);
  }

  private static void editProfile(Path home, String old, String fresh) throws IOException {
    edit(home, "profiles/tls-server.yaml", old, fresh);
  }

  private static void edit(Path home, String name, String old, String fresh) throws IOException {
    Path file = home.resolve(name);
    String text = Files.readString(file);
    assertThat(text).contains(old);
    Files.writeString(file, text.replace(old, fresh));
  }

  static Stream<Refusal> configurations() {
    return Stream.of(
        Refusal.appended("unknown key", "colour: red", "unknown key colour"),
        Refusal.appended("misspelt key", "lisetners: {}", "unknown key lisetners"),
        Refusal.appended(
            "misspelt key in a section",
            "listeners: {api: {prot: 1}}",
            "unknown key listeners.api.prot"),
        Refusal.edited(
            "misspelt key that is needed",
            "pinFile:",
            "pinfile:",
            "kind: pkcs12",
            "token.pinFile is missing"),
        Refusal.appended("key twice", "roots: [root.pem]", "key roots stands there twice"),
        Refusal.appended(
            "port out of range", "listeners: {api: {port: 70000}}", "listeners.api.port", "70000"),
        Refusal.appended(
            "port that is no number", "listeners: {api: {port: https}}", "listeners.api.port"),
        Refusal.appended("bad duration", "crl: {validity: 7 days}", "crl.validity", "7 days"),
        Refusal.appended("duration of nothing", "ocsp: {validity: 0s}", "ocsp.validity"),
        Refusal.appended(
            "OCSP answers that outlive their signer",
            "ocsp: {validity: 96h}",
            "ocsp.validity: at most 95h"),
        Refusal.appended(
            "bound that is too long", "ocsp: {knownWithin: 2m}", "ocsp.knownWithin: from 1s to 1m"),
        Refusal.appended(
            "no answers at a time", "ocsp: {atATime: 0}", "ocsp.atATime: a whole number"),
        Refusal.appended(
            "foreign CA without its certificate",
            "ocsp: {foreign: [{name: old}]}",
            "ocsp.foreign.0.certificate is missing"),
        Refusal.appended(
            "foreign CA with the name of an issuer",
            "ocsp: {foreign: [{name: issuing, certificate: a, crl: b, signerCertificate: c,"
                + " signerKeyId: aa}]}",
            "there are two issuers named issuing"),
        Refusal.appended(
            "foreign CA with a token that is not there",
            "ocsp: {foreign: [{name: old, certificate: a, crl: b, signerCertificate: c,"
                + " signerKeyId: aa, token: other}]}",
            "there is no token named other"),
        Refusal.appended("hold of neither kind", "revocation: {hold: maybe}", "revocation.hold"),
        Refusal.appended(
            "bound of an event", "revocation: {visible: {ocsp: 0s}}", "revocation.visible.ocsp"),
        Refusal.appended("unknown place", "revocation: {visible: {web: 1s}}", "visible.web"),
        Refusal.appended(
            "a token named memory",
            "tokens: {memory: {library: /a.so, label: b, pinFile: c}}",
            "the name memory stands for no token"),
        Refusal.appended("CRL that ends first", "crl: {validity: 1h, refresh: 2h}", "refresh"),
        Refusal.appended("too many shards", "crl: {shards: 1001}", "crl.shards", "1001"),
        Refusal.appended("delta CRL from one that ended", "crl: {delta: {base: 8d}}", "delta.base"),
        Refusal.appended("CRL refreshed too late", "crl: {refresh: 30d}", "refresh"),
        Refusal.appended(
            "bad URL", "externalUrls: {public: 'ftp://pki.example'}", "externalUrls.public"),
        Refusal.appended("no URL", "externalUrls: {api: 'https://[x'}", "externalUrls.api"),
        Refusal.appended(
            "URL with a path", "externalUrls: {api: 'https://a.example/x'}", "externalUrls.api"),
        Refusal.appended(
            "other database", "database: {url: 'jdbc:mysql://u:hush@h/d'}", "database.url"),
        Refusal.appended(
            "H2 with an option",
            "database: {url: 'jdbc:h2:file:./x;INIT=hush'}",
            "database.url: an H2 URL takes no options"),
        Refusal.appended(
            "PostgreSQL with an option that is not allowed",
            "database: {url: 'jdbc:postgresql://h/d?password=hush'}",
            "database.url: the option \"password\""),
        Refusal.appended("a value for a section", "listeners: 8080", "listeners must hold keys"),
        Refusal.appended("a section for a value", "profiles: {a: b}", "profiles must be a single"),
        Refusal.appended("not YAML", "crl: ]", "not YAML"),
        Refusal.edited(
            "relative library",
            "kind: pkcs12\n  file: token/chancery.p12",
            "library: lib/softhsm.so\n  label: chancery",
            "library:",
            "token.library",
            "lib/softhsm.so"),
        Refusal.edited("no token", "token:\n", "tokenz:\n", "tokenz:", "token is missing"),
        Refusal.edited(
            "two CAs of one name",
            "issuers:\n",
            "issuers:\n  - {name: issuing, certificate: a.pem, keyId: aa, ocspKeyId: bb}\n",
            "- name: issuing",
            "two issuers named issuing"),
        Refusal.edited(
            "two CAs with one key",
            "acme:\n",
            "  - {name: other, certificate: a.pem, keyId: aa, ocspKeyId: aa}\nacme:\n",
            "name: other",
            "other",
            "used already"),
        Refusal.edited(
            "CA with the root's name", "name: issuing", "name: root", "name: root", "root"),
        Refusal.edited(
            "endpoint of an unknown CA",
            "{issuer: issuing,",
            "{issuer: isuing,",
            "isuing",
            "acme.endpoints.default",
            "isuing"),
        Refusal.edited(
            "missing profile",
            "profile: tls-server",
            "profile: tls-sever",
            "tls-sever",
            "acme.endpoints.default",
            "there is no profile tls-sever"),
        Refusal.edited(
            "offered profile that is missing",
            "profile: tls-server",
            "profile: tls-server, profiles: {tls-server: for servers, tls-sever: none}",
            "tls-sever",
            "acme.endpoints.default.profiles: there is no profile tls-sever"),
        Refusal.edited(
            "offered profiles without the default one",
            "profile: tls-server",
            "profile: tls-server, profiles: {short-lived: for days}",
            "short-lived",
            "acme.endpoints.default: the profiles that can be chosen must hold the default one"),
        Refusal.edited(
            "offered profile without a description",
            "profile: tls-server",
            "profile: tls-server, profiles: {tls-server: ''}",
            "tls-server: ''",
            "acme.endpoints.default.profiles.tls-server: a line of 1 to 200 characters"),
        Refusal.edited(
            "offered profile that can have no name",
            "profile: tls-server",
            "profile: tls-server, profiles: {TLS: x}",
            "TLS: x",
            "acme.endpoints.default.profiles.TLS: not a profile name"),
        Refusal.override(
            "renewal information asked for too often",
            "acme.renewal.retryAfter=59s",
            "--set acme.renewal.retryAfter: from 1m to 1d"),
        Refusal.override(
            "renewal information asked for too seldom",
            "acme.renewal={retryAfter: 25h}",
            "--set acme.renewal",
            "from 1m to 1d"),
        Refusal.override(
            "blocked keys that are not there",
            "blockedKeys=[no-such-file]",
            "no-such-file",
            "cannot be read"),
        Refusal.edited(
            "profile of CAs",
            "profile: tls-server",
            "profile: intermediate-ca",
            "intermediate-ca",
            "acme.endpoints.default.profile: profile intermediate-ca makes CAs"),
        Refusal.edited(
            "profile of this server's own",
            "profile: tls-server",
            "profile: ocsp-signer",
            "ocsp-signer",
            "acme.endpoints.default.profile: profile ocsp-signer is for this server's own"),
        Refusal.of(
            "profile with a subject that no order proves",
            home -> editProfile(home, "subject: common-name", "subject: requested"),
            "chancery.yaml:",
            "acme.endpoints.default.profile: profile tls-server certifies a subject"),
        Refusal.edited(
            "two endpoints of one name",
            "    default: {",
            "    default: {issuer: issuing, profile: tls-client}\n    default: {",
            "profile: tls-server}",
            "default",
            "twice"),
        Refusal.edited(
            "endpoint name with a capital letter",
            "    default: {",
            "    Corp: {issuer: issuing, profile: tls-server}\n    default: {",
            "Corp: {",
            "acme.endpoints.Corp",
            "not an endpoint name"),
        Refusal.edited(
            "endpoint named as a path of the default one",
            "    default: {",
            "    directory: {issuer: issuing, profile: tls-server}\n    default: {",
            "directory: {",
            "acme.endpoints.directory",
            "not an endpoint name"),
        Refusal.edited(
            "unknown challenge type",
            "{issuer: issuing,",
            "{issuer: issuing, challenges: [http-01, http-02],",
            "http-02",
            "acme.endpoints.default.challenges: not a challenge type; there are http-01, dns-01"),
        Refusal.edited(
            "challenge type twice",
            "{issuer: issuing,",
            "{issuer: issuing, challenges: [dns-01, dns-01],",
            "dns-01",
            "acme.endpoints.default.challenges",
            "twice"),
        Refusal.edited(
            "no challenge type",
            "{issuer: issuing,",
            "{issuer: issuing, challenges: [],",
            "challenges: []",
            "acme.endpoints.default: challenges are at least one"),
        Refusal.edited(
            "dns-persist-01 without a name for this CA",
            "{issuer: issuing,",
            "{issuer: issuing, challenges: [dns-persist-01],",
            "dns-persist-01",
            "acme.endpoints.default: issuerDomainNames are needed for dns-persist-01"),
        Refusal.edited(
            "a name for this CA that no draft was asked for",
            "{issuer: issuing,",
            "{issuer: issuing, issuerDomainNames: [ca.example],",
            "ca.example",
            "acme.endpoints.default: issuerDomainNames are needed for dns-persist-01"),
        Refusal.edited(
            "a name for this CA in capital letters",
            "{issuer: issuing,",
            "{issuer: issuing, challenges: [dns-persist-01], issuerDomainNames: [CA.example],",
            "CA.example",
            "acme.endpoints.default.issuerDomainNames",
            "not a DNS name"),
        Refusal.override(
            "no port for tls-alpn-01",
            "acme.validation.tlsAlpn01.port=0",
            "chancery: --set acme.validation.tlsAlpn01.port: a whole number from 1 to 65535"),
        Refusal.override(
            "trust anchors that are not there",
            "acme.validation.dns.trustAnchors=nowhere.zone",
            "nowhere.zone: cannot be read"),
        Refusal.override(
            "trust anchors that are no records",
            "acme.validation.dns.trustAnchors=chancery.yaml",
            "chancery.yaml: not a zone file"),
        Refusal.edited(
            "reuse of authorizations that is neither on nor off",
            "profile: tls-server}",
            "profile: tls-server, reuseAuthorizations: perhaps}",
            "perhaps",
            "acme.endpoints.default.reuseAuthorizations: true or false, not perhaps"),
        Refusal.edited(
            "pre-authorization that no order would have",
            "profile: tls-server}",
            "profile: tls-server, reuseAuthorizations: false, preAuthorization: true}",
            "preAuthorization: true",
            "acme.endpoints.default.preAuthorization: is of no use without reuseAuthorizations"),
        Refusal.edited(
            "CAA without a name for this CA",
            "profile: tls-server}",
            "profile: tls-server, caa: true}",
            "caa: true",
            "acme.endpoints.default.caa: needs acme.caaIdentities"),
        Refusal.override(
            "a wildcard as the name of this CA",
            "acme={caaIdentities: ['*.ca.example'], endpoints: {default: {issuer: issuing,"
                + " profile: tls-server, caa: true}}}",
            "an issuer domain name has no wildcard"),
        Refusal.override(
            "a name for dns-persist-01 that CAA does not know",
            "acme={caaIdentities: [ca.example], endpoints: {default: {issuer: issuing,"
                + " profile: tls-server, caa: true, challenges: [dns-persist-01],"
                + " issuerDomainNames: [other.example]}}}",
            "each of issuerDomainNames must be among caaIdentities"),
        Refusal.edited(
            "a limit of nothing",
            "profile: tls-server}",
            "profile: tls-server, rateLimits: {newOrders: {most: 0, period: 1h}}}",
            "most: 0",
            "acme.endpoints.default.rateLimits.newOrders.most: a whole number from 1 to 1000000"),
        Refusal.edited(
            "a limit without a period",
            "profile: tls-server}",
            "profile: tls-server, rateLimits: {newOrders: {most: 5}}}",
            "most: 5",
            "acme.endpoints.default.rateLimits.newOrders.period is missing"),
        Refusal.edited(
            "a limit over longer than a year",
            "profile: tls-server}",
            "profile: tls-server, rateLimits: {newOrders: {most: 5, period: 400d}}}",
            "400d",
            "acme.endpoints.default.rateLimits.newOrders.period: the period of a limit"),
        Refusal.edited(
            "a limit of what is not counted",
            "profile: tls-server}",
            "profile: tls-server, rateLimits: {newCertificates: {most: 5, period: 1h}}}",
            "newCertificates",
            "unknown key acme.endpoints.default.rateLimits.newCertificates"),
        Refusal.edited(
            "a status that no client waits for",
            "profile: tls-server}",
            "profile: tls-server, rateLimits: {status: 500}}",
            "status: 500",
            "acme.endpoints.default.rateLimits.status: 429 or 503, not 500"),
        Refusal.edited(
            "half an address as a network",
            "acme:\n",
            "acme:\n  validation: {networks: {deny: [192.0.2/24]}}\n",
            "192.0.2/24",
            "acme.validation.networks.deny: not an IPv4 address of four numbers"),
        Refusal.override(
            "retention that no clock can be trusted with",
            "acme.retention.others=59m",
            "chancery: --set acme.retention.others: at least 1h, not 59m"),
        Refusal.edited(
            "misspelt retention",
            "acme:\n",
            "acme:\n  retention: {isued: 30d}\n",
            "isued",
            "unknown key acme.retention.isued"),
        Refusal.edited(
            "one alternate chain, not a list",
            "certificate: ca/issuing.pem",
            "certificate: ca/issuing.pem\n    alternateChains: ca/cross.pem",
            "alternateChains",
            "issuers.0.alternateChains must be a list"),
        Refusal.edited(
            "alternate chain named twice",
            "certificate: ca/issuing.pem",
            "certificate: ca/issuing.pem\n    alternateChains: [ca/cross.pem, ca/cross.pem]",
            "alternateChains",
            "issuers.0.alternateChains holds ca/cross.pem twice"),
        Refusal.edited(
            "token slower than recovery",
            "kind: pkcs12",
            "kind: pkcs12\n  timeout: 21s",
            "timeout: 21s",
            "token.timeout",
            "at most 20s"),
        Refusal.edited(
            "no default endpoint", "    default: {", "    other: {", "other: {", "default"),
        Refusal.override("unknown key by --set", "colour=red", "--set colour", "unknown key"),
        Refusal.override(
            "misspelt section by --set", "lisetners.api.port=1", "--set lisetners.api.port"),
        Refusal.override(
            "bad value by --set",
            "listeners.api.port=70000",
            "chancery: --set listeners.api.port: a whole number from 0 to 65535, not 70000"),
        Refusal.override(
            "section for a value by --set",
            "profiles={a: b}",
            "chancery: --set profiles must be a single value"),
        Refusal.override(
            "missing profile by --set",
            "acme.endpoints.default.profile=tls-sever",
            "chancery: --set acme.endpoints.default.profile: there is no profile tls-sever"),
        Refusal.override(
            "endpoint of an unknown CA by --set",
            "acme.endpoints.default.issuer=isuing",
            "chancery: --set acme.endpoints.default.issuer: there is no issuer named isuing"),
        Refusal.override(
            "binding rule that there is not",
            "acme.endpoints.default.externalAccountBinding=always",
            "chancery: --set acme.endpoints.default.externalAccountBinding: none, optional or"
                + " required, not always"),
        Refusal.override("--set of nothing", "crl.validity=", "--set crl.validity"),
        Refusal.override("--set into a list that ends", "roots.7=a.pem", "--set roots.7"),
        Refusal.override("--set that is no YAML", "crl.validity=[", "--set crl.validity"),
        Refusal.override(
            "--set that contains itself", "colour=&a [*a]", "--set colour", "unknown key"),
        Refusal.of(
            "no configuration",
            home -> Files.delete(home.resolve("chancery.yaml")),
            "chancery.yaml"),
        Refusal.of(
            "empty configuration",
            home -> Files.writeString(home.resolve("chancery.yaml"), ""),
            "chancery.yaml:1: ",
            "empty"),
        Refusal.of(
            "configuration that is no text",
            home -> Files.write(home.resolve("chancery.yaml"), new byte[] {(byte) 0xff, 0, 1}),
            "chancery.yaml",
            "not UTF-8"),
        Refusal.of(
            "configuration with a control character",
            home -> Files.writeString(home.resolve("chancery.yaml"), "a: \u0000\n"),
            "chancery.yaml",
            "not YAML"),
        Refusal.of(
            "configuration nested without end",
            home -> Files.writeString(home.resolve("chancery.yaml"), "a: " + "[".repeat(60_000)),
            "chancery.yaml",
            "not YAML"),
        Refusal.of(
            "endless configuration",
            home -> Files.writeString(home.resolve("chancery.yaml"), "#\n".repeat(60_000)),
            "chancery.yaml",
            "longer"),
        Refusal.of(
            "no profiles",
            home -> Files.move(home.resolve("profiles"), home.resolve("profile")),
            "profiles"),
        Refusal.of(
            "profile with an unknown key",
            home ->
                Files.writeString(
                    home.resolve("profiles/tls-server.yaml"),
                    "\ncolour: red\n",
                    StandardOpenOption.APPEND),
            "profiles/tls-server.yaml:",
            "unknown key colour"),
        Refusal.of(
            "profile that is no YAML",
            home -> Files.writeString(home.resolve("profiles/tls-server.yaml"), "a\n: ]"),
            "profiles/tls-server.yaml:2: "));
  }

  static Stream<Refusal> starts() {
    return Stream.of(
        Refusal.of(
            "missing PIN file",
            home -> Files.delete(home.resolve("token/chancery.pin")),
            "token/chancery.pin",
            "does not exist"),
        Refusal.of(
            "empty PIN file",
            home -> Files.writeString(home.resolve("token/chancery.pin"), "\n"),
            "token/chancery.pin",
            "empty"),
        Refusal.of(
            "wrong PIN",
            home -> Files.writeString(home.resolve("token/chancery.pin"), "wrong\n"),
            "token/chancery.p12",
            "token/chancery.pin"),
        Refusal.of(
            "key of another certificate",
            home -> {
              certify(home, Instant.now().minusSeconds(60), Duration.ofDays(9));
              Files.copy(
                  home.resolve("ca/issuing.pem"),
                  home.resolve("root.pem"),
                  StandardCopyOption.REPLACE_EXISTING);
            },
            "ca/issuing.pem: issuer issuing: ",
            "not the key of the certificate"),
        Refusal.of(
            "CA below another root",
            home -> new CaChain().root("CN=other").write(home.resolve("root.pem")),
            "ca/issuing.pem: issuer issuing: the chain leads to none of the roots"),
        Refusal.of(
            "CA with the name of one below the root",
            home -> certifyOwnKey(home, new CaChain().root(nameOf(home, "root.pem"))),
            "ca/issuing.pem: issuer issuing: the chain leads to none of the roots"),
        Refusal.of(
            "chain with a CA that is not above",
            home -> append(home, "ca/issuing.pem", new CaChain().root("CN=other")),
            "ca/issuing.pem: issuer issuing: the chain leads to none of the roots"),
        Refusal.of(
            "chain with an expired CA",
            home -> {
              Instant yesterday = Instant.now().minus(Duration.ofDays(1));
              CaChain chain = new CaChain().root("CN=other root");
              chain.write(home.resolve("root.pem"));
              certifyOwnKey(home, chain.below("CN=old", yesterday));
            },
            "ca/issuing.pem: issuer issuing: the CA certificate of CN=old expired at "),
        Refusal.of(
            "chain with its root",
            home -> {
              CaChain chain = new CaChain().root("CN=other root");
              chain.write(home.resolve("root.pem"));
              certifyOwnKey(home, chain);
              Files.writeString(
                  home.resolve("ca/issuing.pem"),
                  Files.readString(home.resolve("root.pem")),
                  StandardOpenOption.APPEND);
            },
            "ca/issuing.pem: issuer issuing: the chain ends with the root; leave that out"),
        Refusal.of(
            "alternate chain that is not there",
            home -> nameAlternate(home),
            "ca/cross.pem: cannot be read as certificates in PEM"),
        Refusal.of(
            "alternate chain that leads to no root",
            home -> {
              nameAlternate(home);
              new CaChain()
                  .root("CN=other root")
                  .crossCertify(issuing(home))
                  .writeWithoutRoot(home.resolve("ca/cross.pem"));
            },
            "ca/cross.pem: issuer issuing: the chain leads to none of the roots"),
        Refusal.of(
            "alternate chain of another CA",
            home -> {
              nameAlternate(home);
              CaChain chain = new CaChain().root("CN=other root");
              append(home, "root.pem", chain);
              chain.below("CN=other").writeWithoutRoot(home.resolve("ca/cross.pem"));
            },
            "ca/cross.pem: issuer issuing: the chain begins with CN=other, which has not the name"),
        Refusal.of(
            "alternate chain with another key identifier",
            home -> {
              nameAlternate(home);
              CaChain chain = new CaChain().root("CN=other root");
              append(home, "root.pem", chain);
              chain
                  .certify(issuing(home).getSubject(), issuing(home).getSubjectPublicKeyInfo())
                  .writeWithoutRoot(home.resolve("ca/cross.pem"));
            },
            "ca/cross.pem: issuer issuing: the chain begins with ",
            "which has not the name, key and key identifier of the issuer's certificate"),
        Refusal.of(
            "alternate chain that is the chain",
            home -> {
              nameAlternate(home);
              Files.copy(home.resolve("ca/issuing.pem"), home.resolve("ca/cross.pem"));
            },
            "ca/cross.pem: issuer issuing: the same chain stands there twice"),
        Refusal.of(
            "expired root beside one that is valid",
            home ->
                append(
                    home,
                    "root.pem",
                    new CaChain().root("CN=old", Instant.now().minus(Duration.ofDays(1)))),
            "root.pem: the CA certificate of CN=old expired at "),
        Refusal.of(
            "root whose signature is wrong",
            home -> new CaChain().root("CN=other").writeFalsified(home.resolve("root.pem")),
            "root.pem: the signature of the root CN=other is wrong"),
        Refusal.edited(
            "RSASSA-PSS by a key that is not RSA",
            "certificate: ca/issuing.pem",
            "certificate: ca/issuing.pem\n    rsaPss: true",
            "rsaPss: true",
            "issuers.0.rsaPss: for RSA keys only, and ",
            "ca/issuing.pem certifies an ec-p256"),
        Refusal.of(
            "expired CA",
            home -> certify(home, Instant.now().minus(Duration.ofDays(9)), Duration.ofDays(8)),
            "ca/issuing.pem",
            "issuing",
            "expired"),
        Refusal.of(
            "CA of tomorrow",
            home -> certify(home, Instant.now().plus(Duration.ofDays(1)), Duration.ofDays(8)),
            "ca/issuing.pem",
            "issuing",
            "not valid before"),
        Refusal.of(
            "missing CA certificate",
            home -> Files.delete(home.resolve("ca/issuing.pem")),
            "ca/issuing.pem"),
        Refusal.of(
            "CA certificate that is none",
            home -> Files.writeString(home.resolve("ca/issuing.pem"), "rubbish"),
            "ca/issuing.pem"),
        Refusal.of("missing root", home -> Files.delete(home.resolve("root.pem")), "root.pem"),
        Refusal.of(
            "database of a newer version",
            StartRefusalsTest::raiseSchemaVersion,
            "chancery.mv.db",
            "schema version 9999",
            "newer"),
        Refusal.of(
            "database of another user",
            home ->
                Files.writeString(
                    home.resolve("chancery.yaml"),
                    "\ndatabase: {user: someone}\n",
                    StandardOpenOption.APPEND),
            "chancery.mv.db",
            "someone"),
        Refusal.of(
            "database that is none",
            home ->
                Files.writeString(home.resolve("database/chancery.mv.db"), "rubbish".repeat(9999)),
            "chancery.mv.db"),
        Refusal.override(
            "host that is none",
            "listeners.admin.host=no.such.host.invalid",
            "listeners.admin",
            "no.such.host.invalid",
            "no such host"),
        Refusal.of(
            "TLS credential that is none",
            home -> Files.writeString(home.resolve("tls/api.pem"), "rubbish"),
            "tls/api.pem"));
  }

  @ParameterizedTest
  @MethodSource("configurations")
  @DisplayName("config check and serve refuse the configuration")
  void refusesConfiguration(Refusal refusal) throws Exception {
    Path home = changed(refusal);
    Map<String, String> before = DevelopmentHome.snapshot(home, file -> false);

    List<String> check = new ArrayList<>(List.of("config", "check", "--home", home.toString()));
    check.addAll(refusal.options());
    requireRefused(CommandRun.of(check.toArray(String[]::new)), refusal, home);
    List<String> serve = new ArrayList<>(List.of("serve", "--home", home.toString()));
    serve.addAll(refusal.options());
    requireRefused(CommandRun.of(serve.toArray(String[]::new)), refusal, home);

    assertThat(DevelopmentHome.snapshot(home, file -> false)).isEqualTo(before);
  }

  @ParameterizedTest
  @MethodSource("starts")
  @DisplayName("serve refuses what it finds")
  void refusesStart(Refusal refusal) throws Exception {
    Path home = changed(refusal);
    // H2 writes into its file when it is merely opened: what stands in it is compared instead.
    Map<String, String> files =
        DevelopmentHome.snapshot(home, file -> file.toString().endsWith(".db"));
    List<String> rows = rows(home);

    requireRefused(serve(home, refusal), refusal, home);

    assertThat(DevelopmentHome.snapshot(home, file -> file.toString().endsWith(".db")))
        .isEqualTo(files);
    assertThat(rows(home)).isEqualTo(rows);
  }

  @Test
  @DisplayName("nothing of this is refused when nothing is wrong")
  void servesWhatIsRight() throws Exception {
    Path home = DevelopmentHome.copy(template, fresh());

    CommandRun run = CommandRun.of(DevelopmentHome.serve(home).toArray(String[]::new));

    assertThat(run.exitCode()).isZero();
    assertThat(run.err()).isEmpty();
    assertThat(run.out()).contains("ready: https://localhost:");
  }

  @Test
  @DisplayName("a CA with name constraints, two below the root, is served")
  void servesConstrainedChain() throws Exception {
    Path home = DevelopmentHome.copy(template, fresh());
    CaChain chain = new CaChain().root("CN=other root");
    chain.write(home.resolve("root.pem"));
    certifyOwnKey(home, chain.below("O=Example,CN=middle"));

    CommandRun run = CommandRun.of(DevelopmentHome.serve(home).toArray(String[]::new));

    assertThat(run.exitCode()).describedAs(run.err()).isZero();
    assertThat(run.err()).isEmpty();
  }

  @Test
  @DisplayName(
      "RFC 8555 7.4.2: an issuer that another root certified too is served with both chains")
  void servesAlternateChain() throws Exception {
    Path home = DevelopmentHome.copy(template, fresh());
    nameAlternate(home);
    CaChain chain = new CaChain().root("CN=other root");
    append(home, "root.pem", chain);
    chain
        .below("CN=between")
        .crossCertify(issuing(home))
        .writeWithoutRoot(home.resolve("ca/cross.pem"));

    CommandRun run = CommandRun.of(DevelopmentHome.serve(home).toArray(String[]::new));

    assertThat(run.exitCode()).describedAs(run.err()).isZero();
    assertThat(run.err()).isEmpty();
    Configuration configuration = Configuration.read(new Home(home), Map.of());
    List<LoadedIssuer> issuers =
        LoadedIssuer.all(
            new Home(home),
            configuration.issuers(),
            TrustBundle.read(List.of(home.resolve("root.pem"))),
            Instant.now());
    assertThat(issuers).hasSize(1);
    assertThat(issuers.getFirst().chains()).extracting(List::size).containsExactly(1, 2);
  }

  @Test
  @DisplayName("a port in use is named, before anything is opened")
  void portInUse() throws Exception {
    Path home = DevelopmentHome.copy(template, fresh());
    Map<String, String> before = DevelopmentHome.snapshot(home, file -> false);
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String port = Integer.toString(taken.getLocalPort());

      for (String listener : List.of("public", "api", "admin", "management")) {
        Refusal refusal =
            Refusal.override(
                listener,
                "listeners." + listener + "={host: 127.0.0.1, port: " + port + "}",
                "listeners." + listener + ": 127.0.0.1:" + port);
        requireRefused(serve(home, refusal), refusal, home);
      }
    }
    assertThat(DevelopmentHome.snapshot(home, file -> false)).isEqualTo(before);
  }

  @Test
  @DisplayName("a database that another process serves is left to it")
  void secondProcess() throws Exception {
    Path home = DevelopmentHome.copy(template, fresh());
    Refusal refusal =
        Refusal.of("second process", changed -> {}, "chancery.mv.db", "open in another process");
    Process first =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                "org.h2.tools.Shell",
                "-url",
                "jdbc:h2:file:" + home.resolve("database/chancery"),
                "-user",
                "chancery",
                "-password",
                "")
            .redirectErrorStream(true)
            .start();
    try {
      awaitPrompt(first);
      requireRefused(serve(home, refusal), refusal, home);
    } finally {
      first.destroy();
      assertThat(first.waitFor(30, TimeUnit.SECONDS)).isTrue();
    }
    assertThat(CommandRun.of(DevelopmentHome.serve(home).toArray(String[]::new)).exitCode())
        .isZero();
  }

  @Test
  @DisplayName("a home of another user is not touched")
  void homeOfAnotherUser() throws Exception {
    Path home;
    if (Files.getOwner(folder).getName().equals("root")) {
      home = DevelopmentHome.copy(template, fresh());
      Files.setAttribute(home, "unix:uid", 65534);
    } else {
      home = Path.of("/opt"); // root's
    }
    Refusal refusal = Refusal.of("other user", changed -> {}, home.toString(), "belongs to");
    Map<String, String> before = DevelopmentHome.snapshot(home, file -> false);

    requireRefused(serve(home, refusal), refusal, home);
    for (String command : List.of("init", "issuer list", "certificate show 0a")) {
      List<String> arguments = new ArrayList<>(List.of(command.split(" ")));
      arguments.addAll(List.of("--home", home.toString()));
      requireRefused(CommandRun.of(arguments.toArray(String[]::new)), refusal, home);
    }

    assertThat(DevelopmentHome.snapshot(home, file -> false)).isEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(strings = {"rwxrwx---", "rwx----w-"})
  @DisplayName("a home that others can write to is not touched")
  void homeThatOthersCanWrite(String permissions) throws Exception {
    Path home = DevelopmentHome.copy(template, fresh());
    Files.setPosixFilePermissions(home, PosixFilePermissions.fromString(permissions));
    Refusal refusal = Refusal.of("writable", changed -> {}, home.toString(), "can write");
    Map<String, String> before = DevelopmentHome.snapshot(home, file -> false);

    requireRefused(serve(home, refusal), refusal, home);
    requireRefused(CommandRun.of("init", "--home", home.toString()), refusal, home);

    assertThat(DevelopmentHome.snapshot(home, file -> false)).isEqualTo(before);
  }

  @Test
  @DisplayName("a key algorithm that there is not is refused before a home is made")
  void unknownKeyAlgorithm() throws Exception {
    Path home = fresh();

    CommandRun run = CommandRun.of("init", "--home", home.toString(), "--issuer-key", "rsa-1");

    assertThat(run.exitCode()).isEqualTo(2);
    assertThat(home).doesNotExist();
  }

  @Test
  @DisplayName("a home that is not there is not made by serving it")
  void missingHome() throws Exception {
    Path home = fresh();
    Refusal refusal = Refusal.of("missing home", changed -> {}, home.toString(), "chancery init");

    requireRefused(serve(home, refusal), refusal, home);

    assertThat(home).doesNotExist();
  }

  @Test
  @DisplayName("init refuses what serve would refuse, before it makes anything")
  void initWithBadOverride() throws Exception {
    Path home = fresh();
    Refusal refusal = Refusal.override("init", "colour=red", "--set colour", "unknown key");

    requireRefused(
        CommandRun.of(
            "init", "--home", home.toString(), "--development-key-store", "--set", "colour=red"),
        refusal,
        home);

    assertThat(home).doesNotExist();
  }

  @Test
  @DisplayName("init without a token makes nothing")
  void initWithoutPin() throws Exception {
    Path home = fresh();
    Refusal refusal =
        Refusal.of("init", changed -> {}, "token/chancery-root.pin", "does not exist");

    requireRefused(CommandRun.of("init", "--home", home.toString()), refusal, home);

    assertThat(home).doesNotExist();
  }

  @Test
  @DisplayName("init does not take a key store for the token that is configured")
  void initWithAnotherKind() throws Exception {
    Path home = DevelopmentHome.copy(template, fresh());
    edit(home, "kind: pkcs12\n  file: token/chancery.p12", "library: /l.so\n  label: chancery");
    Map<String, String> before = DevelopmentHome.snapshot(home, file -> false);
    Refusal refusal = Refusal.of("init", changed -> {}, "chancery.yaml: token.kind is not pkcs12");

    requireRefused(
        CommandRun.of("init", "--home", home.toString(), "--development-key-store"), refusal, home);

    assertThat(DevelopmentHome.snapshot(home, file -> false)).isEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "listeners.pubic.port=1",
        "acme.endpoints.default.profile=tls-sever",
        "database.url=jdbc:h2:file:x;INIT=x"
      })
  @DisplayName("init --check refuses an override, and makes nothing")
  void initCheckRefuses(String override) throws Exception {
    Path home = fresh();
    Refusal refusal =
        Refusal.override("init", override, "--set " + override.replaceFirst("=.*", "") + ": ");

    requireRefused(
        CommandRun.of("init", "--check", "--home", home.toString(), "--set", override),
        refusal,
        home);

    assertThat(home).doesNotExist();
  }

  @Test
  @DisplayName("init --check of what can be made, and of what is there, changes nothing")
  void initCheck() throws Exception {
    Path home = fresh();

    assertThat(CommandRun.of("init", "--check", "--home", home.toString()))
        .returns(0, CommandRun::exitCode);

    assertThat(home).doesNotExist();
    DevelopmentHome.copy(template, home);
    Map<String, String> before = DevelopmentHome.snapshot(home, file -> false);
    assertThat(CommandRun.of("init", "--check", "--home", home.toString()))
        .returns(0, CommandRun::exitCode);
    assertThat(DevelopmentHome.snapshot(home, file -> false)).isEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "sreve",
        "serve --prot 1",
        "serve --set",
        "serve --set listeners.api.port",
        "init --root-key rsa-1024",
        "certificate show",
        "certificate revoke --reason",
        "certificate show 0a --output xml",
        "serve --exit-when-ready 0"
      })
  @DisplayName("wrong usage is 2, and does nothing")
  void wrongUsage(String command) throws Exception {
    Path home = DevelopmentHome.copy(template, fresh());
    Map<String, String> before = DevelopmentHome.snapshot(home, file -> false);
    List<String> arguments = new ArrayList<>();
    if (!command.isEmpty()) {
      arguments.addAll(List.of(command.split(" ")));
    }
    if (arguments.size() > 1) {
      arguments.add(2, "--home=" + home);
    }

    CommandRun run = CommandRun.of(arguments.toArray(String[]::new));

    assertThat(run.exitCode()).describedAs(run.err()).isEqualTo(2);
    assertThat(run.err()).isNotEmpty().doesNotContain("\tat ", "Exception");
    assertThat(DevelopmentHome.snapshot(home, file -> false)).isEqualTo(before);
  }

  private static Path fresh() throws IOException {
    return Files.createTempDirectory(folder, "case").resolve("home");
  }

  private static Path changed(Refusal refusal) throws Exception {
    Path home = DevelopmentHome.copy(template, fresh());
    refusal.change().to(home);
    return home;
  }

  private static CommandRun serve(Path home, Refusal refusal) {
    List<String> command = new ArrayList<>(DevelopmentHome.serve(home));
    command.addAll(refusal.options());
    return CommandRun.of(command.toArray(String[]::new));
  }

  private static void requireRefused(CommandRun run, Refusal refusal, Path home)
      throws IOException {
    assertThat(run.exitCode()).describedAs(run.toString()).isEqualTo(Main.FAILED);
    assertThat(run.out()).isEmpty();
    assertThat(run.errorLines()).hasSize(1);
    assertThat(run.err()).startsWith("chancery: ").contains(refusal.says());
    assertThat(run.err())
        .doesNotContain("Exception", "dev.chancery", "java.", "org.", "null", "hush");
    for (String secret : List.of("token/chancery.pin", "token/chancery-root.pin")) {
      Path pin = template.resolve(secret);
      assertThat(run.err()).doesNotContain(Files.readString(pin).strip());
    }
    if (refusal.line().isPresent()) {
      Path file = home.resolve("chancery.yaml");
      List<String> lines = Files.readAllLines(file);
      int line = lines.size();
      while (!lines.get(line - 1).contains(refusal.line().get())) {
        line--;
      }
      assertThat(run.err()).startsWith("chancery: " + file + ":" + line + ": ");
    }
  }

  /** The home's issuing CA, certified anew below the last CA of a chain. */
  private static void certifyOwnKey(Path home, CaChain chain) throws Exception {
    Path file = home.resolve("ca/issuing.pem");
    X509CertificateHolder own = PemFile.certificates(file).getFirst();
    chain.certify(own.getSubject(), own.getSubjectPublicKeyInfo()).writeWithoutRoot(file);
  }

  private static X509CertificateHolder issuing(Path home) throws Exception {
    return PemFile.certificates(home.resolve("ca/issuing.pem")).getFirst();
  }

  private static void nameAlternate(Path home) throws IOException {
    edit(
        home,
        "certificate: ca/issuing.pem",
        "certificate: ca/issuing.pem\n    alternateChains: [ca/cross.pem]");
  }

  private static void append(Path home, String name, CaChain chain) throws Exception {
    Path file = home.resolve(name);
    String text = Files.readString(file);
    chain.write(file);
    Files.writeString(file, text + Files.readString(file));
  }

  private static String nameOf(Path home, String file) throws Exception {
    return PemFile.certificates(home.resolve(file)).getFirst().getSubject().toString();
  }

  /** A self-signed certificate over a key that no token has, in the issuer's place. */
  private static void certify(Path home, Instant notBefore, Duration life) throws Exception {
    KeyPair pair = KeyPairGenerator.getInstance("EC").generateKeyPair();
    X500Name name = new X500Name("CN=other");
    StringWriter text = new StringWriter();
    try (JcaPEMWriter writer = new JcaPEMWriter(text)) {
      writer.writeObject(
          new JcaX509v3CertificateBuilder(
                  name,
                  BigInteger.ONE,
                  Date.from(notBefore),
                  Date.from(notBefore.plus(life)),
                  name,
                  pair.getPublic())
              .build(new JcaContentSignerBuilder("SHA256withECDSA").build(pair.getPrivate())));
    }
    Files.writeString(home.resolve("ca/issuing.pem"), text.toString());
  }

  private static void raiseSchemaVersion(Path home) throws Exception {
    try (Connection connection = connect(home);
        Statement statement = connection.createStatement()) {
      statement.execute(
          "insert into \"flyway_schema_history\" select max(\"installed_rank\") + 1, '9999',"
              + " 'tomorrow', 'SQL', 'V9999__tomorrow.sql', 1, 'CHANCERY', now(), 1, true"
              + " from \"flyway_schema_history\"");
    }
  }

  private static Connection connect(Path home) throws Exception {
    return DriverManager.getConnection(
        "jdbc:h2:file:"
            + home.resolve("database/chancery")
            + ";MODE=PostgreSQL;DATABASE_TO_LOWER=TRUE;DEFAULT_NULL_ORDERING=HIGH",
        "chancery",
        "");
  }

  /** All that stands in the database, or why it cannot be read. */
  private static List<String> rows(Path home) throws Exception {
    List<String> rows = new ArrayList<>();
    try (Connection connection = connect(home);
        Statement statement = connection.createStatement();
        ResultSet script = statement.executeQuery("script nopasswords nosettings")) {
      while (script.next()) {
        rows.add(script.getString(1));
      }
    } catch (SQLException e) {
      rows.add("error " + e.getErrorCode());
    }
    return rows;
  }

  private static void awaitPrompt(Process shell) throws IOException {
    StringBuilder text = new StringBuilder();
    var output = shell.inputReader();
    while (!text.toString().contains("sql>")) {
      int character = output.read();
      assertThat(character).describedAs(text.toString()).isNotEqualTo(-1);
      text.append((char) character);
    }
  }
}
