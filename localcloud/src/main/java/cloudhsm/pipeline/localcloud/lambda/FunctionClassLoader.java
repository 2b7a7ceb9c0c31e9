package cloudhsm.pipeline.localcloud.lambda;

import java.io.IOException;
import java.net.JarURLConnection;
import java.net.URL;
import java.net.URLClassLoader;
import java.net.URLConnection;
import java.security.CodeSource;
import java.security.cert.Certificate;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Loads classes of the Lambda runtime or of an artifact, {@linkplain Redirection redirected} to their invocation. */
final class FunctionClassLoader extends URLClassLoader {
    static {
        ClassLoader.registerAsParallelCapable();
    }

    /** The runtime is loaded once for each function of each account, so what was redirected once is kept. */
    private static final Map<String, byte[]> REDIRECTED = new ConcurrentHashMap<>();

    FunctionClassLoader(String name, List<URL> classPath, ClassLoader parent) {
        super(name, classPath.toArray(URL[]::new), parent);
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        // The one class that functions share with the embedded AWS.
        if (name.equals(Invocation.class.getName())) return Invocation.class;
        return super.loadClass(name, resolve);
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
        var resource = findResource(name.replace('.', '/') + ".class");
        if (resource == null) throw new ClassNotFoundException(name);
        try {
            var connection = resource.openConnection();
            var origin = connection instanceof JarURLConnection jar ? jar.getJarFileURL() : resource;
            var redirected = REDIRECTED.get(resource.toString());
            if (redirected == null) {
                redirected = redirected(connection);
                REDIRECTED.put(resource.toString(), redirected);
            }
            // Without certificates: a redirected class no longer has the bytes that its jar's signature covers.
            var source = new CodeSource(origin, (Certificate[]) null);
            return defineClass(name, redirected, 0, redirected.length, source);
        } catch (IOException unreadable) {
            throw new ClassNotFoundException(name + " cannot be read from " + resource, unreadable);
        }
    }

    private static byte[] redirected(URLConnection connection) throws IOException {
        try (var in = connection.getInputStream()) {
            return Redirection.redirect(in.readAllBytes());
        }
    }
}
