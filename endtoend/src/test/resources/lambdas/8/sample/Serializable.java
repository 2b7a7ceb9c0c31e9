package sample;

class Serializable {
    Runnable run() {
        return (Runnable & java.io.Serializable) () -> {};
    }
}
