// The published Companion as `companion` starts it, but that it listens on loopback only.
import standalone from '@uppy/companion/standalone'

const { app } = standalone()
const port = Number(process.env.COMPANION_PORT)
app.listen(port, '127.0.0.1', () => console.log(`Companion listens on http://127.0.0.1:${port}`))
